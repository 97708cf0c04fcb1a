// @platformatic/kafka: platformatic.mjs BOOTSTRAP, or platformatic.mjs BOOTSTRAP TOPIC GROUP for a
// member of a group, or platformatic.mjs BOOTSTRAP SOURCE TARGET GROUP ID for a transformer.
import { pbkdf2Sync, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Admin, Connection, Consumer, FetchIsolationLevels, ListOffsetTimestamps, Producer, alterUserScramCredentialsV0, describeUserScramCredentialsV0 } from '@platformatic/kafka'
import { decode, login, record, say, serve, sleep } from './protocol.mjs'

const [bootstrap, ...role] = process.argv.slice(2)
const common = {
  clientId: 'test', bootstrapBrokers: [bootstrap], autocreateTopics: true, retries: 5, retryDelay: 200
}
if (login) common.sasl = { mechanism: login[0], username: login[1], password: login[2] }
const ACKS = { all: -1, 1: 1, 0: 0 }

const producers = new Map()
function producer (idempotent) {
  if (!producers.has(idempotent)) {
    producers.set(idempotent, new Producer({ ...common, idempotent, retries: 60 }))
  }
  return producers.get(idempotent)
}

const messagesOf = (topic, records) => records.map(r => ({
  topic,
  partition: r.partition,
  key: decode(r.key) ?? undefined,
  value: decode(r.value) ?? undefined,
  timestamp: r.timestamp === null ? undefined : BigInt(r.timestamp),
  headers: new Map(r.headers.map(([name, value]) => [Buffer.from(name), decode(value)]))
}))

function offsetsOf (records, done) {
  const next = new Map((done.offsets ?? []).map(d => [d.partition, Number(d.offset)]))
  return records.map(r => {
    const offset = next.get(r.partition)
    next.set(r.partition, offset + 1)
    return offset ?? null
  })
}

async function produce ({ topic, records, codec = 'none', acks = 'all', idempotent = false }) {
  const messages = messagesOf(topic, records)
  const done = await producer(idempotent).send({ messages, acks: ACKS[acks], compression: codec })
  return offsetsOf(records, done)
}

// It asks for an identity as producer 0, epoch 0, unless it is told not to; that one is fenced. Its
// `timeout` is the transaction's too.
const transactionalProducer = (transactionalId, timeout) => new Producer({
  ...common, transactionalId, timeout, idempotent: true, producerId: -1n, producerEpoch: -1, retries: 60
})

const transactional = new Map()
const open = new Map()
async function transact ({ id, topic, records, end = 'commit', timeout_ms: timeout = 60000, offsets = [] }) {
  if (!transactional.has(id)) transactional.set(id, transactionalProducer(id, timeout))
  const sender = transactional.get(id)
  if (!open.has(id)) open.set(id, await sender.beginTransaction())
  const transaction = open.get(id)
  const done = await transaction.send({ messages: messagesOf(topic, records), acks: -1 })
  for (const [group, of, partition, offset] of offsets) { // as of a message that was consumed
    const [coordinatorId] = (await sender.metadata({ topics: [of] })).brokers.keys()
    const consumer = { groupId: group, generationId: -1, memberId: '', coordinatorId }
    await transaction.addConsumer(consumer)
    await transaction.addOffset({ topic: of, partition, offset: BigInt(offset - 1), metadata: { consumer } })
  }
  if (end !== 'open') {
    open.delete(id)
    await (end === 'commit' ? transaction.commit() : transaction.abort())
  }
  return offsetsOf(records, done)
}

async function reading (group, work, isolation = 'read_committed') {
  const reader = new Consumer({
    ...common, groupId: group, maxWaitTime: 200, autocommit: false, sessionTimeout: 6000, heartbeatInterval: 500,
    isolationLevel: FetchIsolationLevels[isolation.toUpperCase()]
  })
  try {
    return await work(reader)
  } finally {
    await reader.close(true)
  }
}

const consume = ({ topic, partition, start, count, until, isolation }) => reading(randomUUID(), async reader => {
  const found = []
  const where = Number.isInteger(start)
    ? { mode: 'manual', offsets: [{ topic, partition, offset: BigInt(start) }] }
    : { mode: start }
  const stream = await reader.consume({ topics: [topic], ...where })
  for await (const m of stream) {
    if (m.partition !== partition) continue
    found.push(record(m.partition, m.offset, m.timestamp, m.key, m.value, [...m.headers]))
    if (found.length === count || (until && found.at(-1).value === until)) break
  }
  return found
}, isolation)

async function admin (work) {
  const one = new Admin({ ...common, strict: true })
  try {
    return await work(one)
  } finally {
    await one.close()
  }
}

// Its Admin has no SCRAM credentials, but the library has their requests.
async function connected (work) {
  const [host, port] = bootstrap.split(':')
  const one = new Connection('test', { sasl: common.sasl })
  await one.connect(host, Number(port))
  try {
    return await work(one)
  } finally {
    await one.close()
  }
}

const scramOf = mechanism => (mechanism === 'SCRAM-SHA-256' ? { mechanism: 1, hash: 'sha256', bytes: 32 } : { mechanism: 2, hash: 'sha512', bytes: 64 })

function salted (user, mechanism, password) {
  const { mechanism: number, hash, bytes } = scramOf(mechanism)
  const salt = randomBytes(16)
  return { name: user, mechanism: number, iterations: 4096, salt, saltedPassword: pbkdf2Sync(password, salt, 4096, bytes, hash) }
}

const listed = (one, topic, partition, timestamp) => one.listOffsets({
  topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp }] }]
}).then(found => Number(found[0].partitions[0].offset))

const operations = {
  produce,
  transact,
  consume,
  commit: ({ group, topic, offsets }) => admin(one => one.alterConsumerGroupOffsets({
    groupId: group,
    topics: [{ name: topic, partitionOffsets: offsets.map(([partition, offset]) => ({ partition, offset: BigInt(offset) })) }]
  })),
  committed: ({ group, topic, partitions }) => admin(async one => {
    const [found] = await one.listConsumerGroupOffsets({
      groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes: partitions }] }]
    })
    return found.topics[0].partitions.map(
      p => (p.committedOffset < 0n ? null : [Number(p.committedOffset), p.metadata ?? '']))
  }),
  offset_at: ({ topic, partition, timestamp }) => admin(async one => {
    const found = await listed(one, topic, partition, BigInt(timestamp))
    return found < 0 ? null : found
  }),
  ends: ({ topic, partition }) => admin(async one => [
    await listed(one, topic, partition, ListOffsetTimestamps.EARLIEST),
    await listed(one, topic, partition, ListOffsetTimestamps.LATEST)]),
  create_topic: ({ topic, partitions }) => admin(one => one.createTopics({ topics: [topic], partitions, replicas: 1 })),
  create_partitions: ({ topic, partitions }) => admin(
    one => one.createPartitions({ topics: [{ name: topic, count: partitions }] })),
  configs: ({ topic }) => admin(async one => {
    const [found] = await one.describeConfigs({ resources: [{ resourceType: 2, resourceName: topic }] })
    return Object.fromEntries(found.configs.map(each => [each.name, each.value]))
  }),
  configure: ({ topic, config }) => admin(one => one.incrementalAlterConfigs({
    resources: [{
      resourceType: 2,
      resourceName: topic,
      configs: Object.entries(config).map(([name, value]) => ({ name, configOperation: 0, value }))
    }]
  })),
  delete_topic: ({ topic }) => admin(one => one.deleteTopics({ topics: [topic] })),
  delete_records: ({ topic, offsets }) => admin(one => one.deleteRecords({
    topics: [{ name: topic, partitions: offsets.map(([partition, offset]) => ({ partition, offset: BigInt(offset) })) }]
  })),
  sizes: ({ topic, partitions }) => admin(async one => {
    const [{ results: [dir] }] = await one.describeLogDirs({ topics: [{ name: topic, partitions }] })
    return dir.topics[0].partitions.map(p => [p.partitionIndex, Number(p.partitionSize)])
  }),
  topics: () => admin(async one => {
    const { topics } = await one.metadata({ topics: await one.listTopics() })
    return Object.fromEntries([...topics].map(([name, topic]) => [name, topic.partitionsCount]))
  }),
  groups: () => admin(async one => [...(await one.listGroups()).keys()]),
  describe_group: ({ group }) => admin(async one => {
    const found = (await one.describeGroups({ groups: [group] })).get(group)
    return { state: found.state, members: found.members.size }
  }),
  group_offsets: ({ group }) => admin(async one => {
    const [found] = await one.listConsumerGroupOffsets({ groups: [group] })
    return found.topics.flatMap(t => t.partitions.map(p => [t.name, p.partitionIndex, Number(p.committedOffset)]))
  }),
  set_password: ({ user, mechanism, password }) => connected(async one => {
    await alterUserScramCredentialsV0.api.async(one, [], [salted(user, mechanism, password)])
  }),
  delete_password: ({ user, mechanism }) => connected(async one => {
    await alterUserScramCredentialsV0.api.async(one, [{ name: user, mechanism: scramOf(mechanism).mechanism }], [])
  }),
  passwords: () => connected(async one => {
    const { results } = await describeUserScramCredentialsV0.api.async(one, [])
    return results.map(r => [r.user, ...r.credentialInfos.map(c => c.mechanism)])
  }),
  delete_group: ({ group }) => admin(one => one.deleteGroups({ groups: [group] })),
  delete_offsets: ({ group, topic, partitions }) => admin(one => one.deleteConsumerGroupOffsets({
    groupId: group, topics: [{ name: topic, partitionIndexes: partitions }]
  }))
}
for (const name of ['commit', 'create_topic', 'create_partitions', 'configure', 'delete_topic',
  'delete_records', 'delete_group', 'delete_offsets']) {
  const inner = operations[name]
  operations[name] = async fields => { await inner(fields) }
}

// Prints what it is given and reads; commits what it has printed.
async function member (topic, group) {
  const reader = new Consumer({
    ...common, groupId: group, maxWaitTime: 200, autocommit: false, sessionTimeout: 6000, rebalanceTimeout: 6000,
    heartbeatInterval: 500, retries: 60
  })
  reader.on('consumer:group:join', ({ assignments }) => {
    say('A', assignments?.find(a => a.topic === topic)?.partitions.length ?? 0)
  })
  reader.on('error', error => say('E', error.message))
  process.on('SIGTERM', () => reader.close(true).then(() => process.exit(0)))
  for (;;) {
    try {
      const stream = await reader.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
      for await (const m of stream) {
        say('R', m.partition, m.offset, m.value.toString('hex'))
        try {
          await m.commit()
        } catch (error) { // a rebalance came between, or the hub is away
          say('E', error.message)
        }
      }
    } catch (error) { // the stream ended with the connection: join again, as its users have to
      say('E', error.message)
      await sleep(200)
    }
  }
}

const BATCH = 20
const TRANSACTION_MS = 6000
const SILENCE_MS = 5000

// What a stream has; empty when it has ended or the group has a new generation. A stream whose
// connection broke may never ask for records again, and say nothing (1.35.0).
async function batchOf (stream, stale) {
  const batch = []
  const until = Date.now() + SILENCE_MS
  while (batch.length < BATCH && !stale()) {
    const m = stream.read()
    if (m !== null) batch.push(m)
    else if (batch.length > 0) break
    else if (stream.destroyed || stream.readableEnded) return []
    else if (Date.now() > until) throw new Error('nothing was read for too long')
    else await Promise.race([once(stream, 'readable'), once(stream, 'close'), sleep(200)])
  }
  return stale() ? [] : batch
}

async function transform (source, target, group, id) {
  const reader = new Consumer({
    ...common, groupId: group, maxWaitTime: 200, autocommit: false, sessionTimeout: 6000, rebalanceTimeout: 6000,
    heartbeatInterval: 500, retries: 60
  })
  const sender = transactionalProducer(id, TRANSACTION_MS)
  let joins = 0
  reader.on('consumer:group:join', () => { joins++ })
  reader.on('error', error => say('E', error.message))

  async function transaction (batch, commit) {
    const one = await sender.beginTransaction()
    await one.send({ messages: batch.map(m => ({ topic: target, key: m.value, value: m.value })), acks: -1 })
    await one.addConsumer(reader)
    const last = new Map(batch.map(m => [m.partition, m]))
    for (const m of last.values()) await one.addOffset(m)
    await (commit ? one.commit() : one.abort())
    say(commit ? 'T' : 'X', batch.length)
  }

  for (let number = 1; ;) {
    const stream = await reader.consume({ topics: [source], mode: 'committed', fallbackMode: 'earliest' })
    const joined = joins
    // What was read before and is in no transaction yet is somebody else's.
    for (let batch; (batch = await batchOf(stream, () => joins !== joined)).length > 0; number++) {
      if (number % 4 === 0) await transaction(batch, false)
      await transaction(batch, true)
    }
    await stream.close()
  }
}

// Another process takes over from one that has failed.
function giveUp (error) {
  say('E', error.message)
  process.exit(1)
}

if (role.length === 2) await member(...role)
else if (role.length === 4) await transform(...role).catch(giveUp)
else await serve(operations)

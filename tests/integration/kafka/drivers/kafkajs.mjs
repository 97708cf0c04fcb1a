// kafkajs: kafkajs.mjs BOOTSTRAP, or kafkajs.mjs BOOTSTRAP TOPIC GROUP for a member of a group, or
// kafkajs.mjs BOOTSTRAP SOURCE TARGET GROUP ID for a transformer.
import { randomUUID } from 'node:crypto'
import { compress as zstdCompress, decompress as zstdDecompress, init as initZstd } from '@bokuweb/zstd-wasm'
import kafkajs from 'kafkajs'
import SnappyCodec from 'kafkajs-snappy'
import lz4 from 'lz4js'
import { decode, login, record, say, serve } from './protocol.mjs'

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs
CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async encoder => Buffer.from(lz4.compress(encoder.buffer)),
  decompress: async buffer => Buffer.from(lz4.decompress(buffer))
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => Buffer.from(zstdCompress(encoder.buffer)),
  decompress: async buffer => Buffer.from(zstdDecompress(buffer))
})
const CODECS = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD
}
const ACKS = { all: -1, 1: 1, 0: 0 }

const [bootstrap, ...role] = process.argv.slice(2)
const kafka = new Kafka({
  brokers: [bootstrap],
  clientId: 'test',
  sasl: login ? { mechanism: login[0].toLowerCase(), username: login[1], password: login[2] } : undefined,
  logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 30 }
})

const producers = new Map()
async function producer (idempotent) {
  if (!producers.has(idempotent)) {
    const made = kafka.producer({ idempotent, maxInFlightRequests: 1, retry: idempotent ? { retries: 60 } : { retries: 6 } })
    await made.connect()
    producers.set(idempotent, made)
  }
  return producers.get(idempotent)
}

async function produce ({ topic, records, codec = 'none', acks = 'all', idempotent = false }) {
  const done = await (await producer(idempotent)).send({
    topic, messages: messagesOf(records), acks: ACKS[acks], compression: CODECS[codec]
  })
  return offsetsOf(records, done)
}

function messagesOf (records) {
  return records.map(r => {
    const headers = {}
    for (const [name, value] of r.headers) {
      headers[name] = name in headers ? [headers[name], decode(value)].flat() : decode(value)
    }
    return {
      partition: r.partition,
      key: decode(r.key),
      value: decode(r.value),
      timestamp: r.timestamp === null ? undefined : String(r.timestamp),
      headers
    }
  })
}

function offsetsOf (records, done) {
  const next = new Map(done.map(d => [d.partition, Number(d.baseOffset)]))
  return records.map(r => {
    const offset = next.get(r.partition)
    next.set(r.partition, offset + 1)
    return offset
  })
}

const transactional = new Map()
const open = new Map()
async function transactionalProducer (transactionalId, transactionTimeout) {
  const made = kafka.producer({ transactionalId, transactionTimeout, idempotent: true, maxInFlightRequests: 1, retry: { retries: 60 } })
  await made.connect()
  return made
}

async function transact ({ id, topic, records, end = 'commit', timeout_ms: timeout = 60000, offsets = [] }) {
  if (!transactional.has(id)) transactional.set(id, await transactionalProducer(id, timeout))
  if (!open.has(id)) open.set(id, await transactional.get(id).transaction())
  const transaction = open.get(id)
  const done = await transaction.send({ topic, messages: messagesOf(records), acks: -1 })
  for (const [group, of, partition, offset] of offsets) {
    await transaction.sendOffsets({
      consumerGroupId: group, topics: [{ topic: of, partitions: [{ partition, offset: String(offset) }] }]
    })
  }
  if (end !== 'open') {
    open.delete(id)
    await (end === 'commit' ? transaction.commit() : transaction.abort())
  }
  return offsetsOf(records, done)
}

const pairs = headers => Object.entries(headers ?? {}).flatMap(
  ([name, value]) => (Array.isArray(value) ? value : [value]).map(one => [name, one]))

// kafkajs reads in groups only: one of its own, that seeks.
async function consume ({ topic, partition, start, count, until, isolation = 'read_committed' }) {
  const found = []
  const reader = kafka.consumer({
    groupId: randomUUID(), maxWaitTimeInMs: 200, maxBytesPerPartition: 4 << 20, readUncommitted: isolation === 'read_uncommitted'
  })
  await reader.connect()
  await reader.subscribe({ topic, fromBeginning: start !== 'latest' })
  await new Promise((resolve, reject) => {
    reader.on(reader.events.CRASH, event => { if (!event.payload.restart) reject(event.payload.error) })
    reader.run({
      autoCommit: false,
      eachMessage: async ({ partition: from, message: m }) => {
        if (from !== partition || found.length === count) return
        if (Number.isInteger(start) && Number(m.offset) < start) return
        found.push(record(from, m.offset, m.timestamp, m.key, m.value, pairs(m.headers)))
        if (found.length === count || (until && found.at(-1).value === until)) resolve()
      }
    }).catch(reject)
    if (Number.isInteger(start)) reader.seek({ topic, partition, offset: String(start) })
  })
  await reader.disconnect()
  return found
}

async function admin (work) {
  const one = kafka.admin()
  await one.connect()
  try {
    return await work(one)
  } finally {
    await one.disconnect()
  }
}

const operations = {
  produce,
  transact,
  consume,
  commit: ({ group, topic, offsets }) => admin(one => one.setOffsets({
    groupId: group, topic, partitions: offsets.map(([partition, offset]) => ({ partition, offset: String(offset) }))
  })),
  committed: ({ group, topic, partitions }) => admin(async one => {
    const [found] = await one.fetchOffsets({ groupId: group, topics: [topic] })
    return partitions.map(p => {
      const of = found.partitions.find(each => each.partition === p)
      return of === undefined || of.offset === '-1' ? null : [Number(of.offset), of.metadata ?? '']
    })
  }),
  offset_at: ({ topic, partition, timestamp }) => admin(async one => {
    const found = (await one.fetchTopicOffsetsByTimestamp(topic, timestamp)).find(f => f.partition === partition)
    return Number(found.offset)
  }),
  ends: ({ topic, partition }) => admin(async one => {
    const found = (await one.fetchTopicOffsets(topic)).find(f => f.partition === partition)
    return [Number(found.low), Number(found.high)]
  }),
  create_topic: ({ topic, partitions }) => admin(async one => {
    const made = await one.createTopics({ topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }] })
    if (!made) throw new Error('the topic already exists')
  }),
  create_partitions: ({ topic, partitions }) => admin(async one => {
    await one.createPartitions({ topicPartitions: [{ topic, count: partitions }] })
  }),
  create_configured: ({ topic, config }) => admin(async one => {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    await one.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1, configEntries }] })
  }),
  configs: ({ topic }) => admin(async one => {
    const { resources } = await one.describeConfigs({ resources: [{ type: 2, name: topic }] })
    return Object.fromEntries(resources[0].configEntries.map(e => [e.configName, e.configValue]))
  }),
  configure: ({ topic, config }) => admin(async one => {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    await one.alterConfigs({ resources: [{ type: 2, name: topic, configEntries }] })
  }),
  delete_topic: ({ topic }) => admin(async one => { await one.deleteTopics({ topics: [topic] }) }),
  delete_records: ({ topic, offsets }) => admin(async one => {
    await one.fetchTopicOffsets(topic) // it does not look for the leaders itself
    await one.deleteTopicRecords({
      topic, partitions: offsets.map(([partition, offset]) => ({ partition, offset: String(offset) }))
    })
  }),
  topics: () => admin(async one => Object.fromEntries(
    (await one.fetchTopicMetadata()).topics.map(t => [t.name, t.partitions.length]))),
  groups: () => admin(async one => (await one.listGroups()).groups.map(g => g.groupId)),
  describe_group: ({ group }) => admin(async one => {
    const [found] = (await one.describeGroups([group])).groups
    return { state: found.state, members: found.members.length }
  }),
  group_offsets: ({ group }) => admin(async one => (await one.fetchOffsets({ groupId: group })).flatMap(
    t => t.partitions.filter(p => p.offset !== '-1').map(p => [t.topic, p.partition, Number(p.offset)]))),
  delete_group: ({ group }) => admin(async one => { await one.deleteGroups([group]) })
}

// Prints what it is given and reads; commits what it has printed.
async function member (topic, group) {
  const reader = kafka.consumer({
    groupId: group, sessionTimeout: 6000, rebalanceTimeout: 6000, heartbeatInterval: 500, maxWaitTimeInMs: 200
  })
  reader.on(reader.events.GROUP_JOIN, ({ payload }) => say('A', (payload.memberAssignment[topic] ?? []).length))
  process.on('SIGTERM', async () => {
    await reader.disconnect()
    process.exit(0)
  })
  await reader.connect()
  await reader.subscribe({ topic, fromBeginning: true })
  await reader.run({
    eachBatchAutoResolve: false,
    autoCommit: true,
    eachBatch: async ({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, uncommittedOffsets, isRunning, isStale }) => {
      for (const m of batch.messages) {
        if (!isRunning() || isStale()) break
        say('R', batch.partition, m.offset, m.value.toString('hex'))
        resolveOffset(m.offset)
      }
      await commitOffsetsIfNecessary(uncommittedOffsets())
      await heartbeat()
    }
  })
}

const BATCH = 20
const TRANSACTION_MS = 6000

// kafkajs commits offsets without the generation of the group, so nothing but the transactional id tells
// the hub whose partition it is: each partition has one, and who is given the partition takes the id
// first and asks then how far the one before has come.
async function transform (source, target, group) {
  const reader = kafka.consumer({
    groupId: group, sessionTimeout: 6000, rebalanceTimeout: 6000, heartbeatInterval: 500, maxWaitTimeInMs: 200
  })
  const senders = new Map()
  const giveUp = error => {
    say('E', error.message)
    process.exit(1)
  }
  reader.on(reader.events.GROUP_JOIN, () => senders.clear())
  reader.on(reader.events.CRASH, ({ payload }) => giveUp(payload.error))
  let number = 0

  async function transaction (partition, messages, commit) {
    const one = await senders.get(partition).transaction()
    await one.send({ topic: target, messages: messages.map(m => ({ key: m.value, value: m.value })), acks: -1 })
    const offset = String(Number(messages.at(-1).offset) + 1)
    await one.sendOffsets({ consumerGroupId: group, topics: [{ topic: source, partitions: [{ partition, offset }] }] })
    await (commit ? one.commit() : one.abort())
    say(commit ? 'T' : 'X', messages.length)
  }

  // Whether it is the batch that follows what was committed.
  async function taken (partition, messages) {
    if (senders.has(partition)) return true
    const sender = await transactionalProducer(`${group}-${partition}`, TRANSACTION_MS)
    await (await sender.transaction()).abort()
    senders.set(partition, sender)
    const [committed] = await operations.committed({ group, topic: source, partitions: [partition] })
    const offset = String(committed?.[0] ?? 0)
    if (messages[0].offset === offset) return true
    reader.seek({ topic: source, partition, offset })
    return false
  }

  async function eachBatch ({ batch: { partition, messages }, resolveOffset, heartbeat, isRunning, isStale }) {
    try {
      if (!await taken(partition, messages)) return
      for (let at = 0; at < messages.length && isRunning() && !isStale(); at += BATCH) {
        const some = messages.slice(at, at + BATCH)
        if (++number % 4 === 0) await transaction(partition, some, false)
        await transaction(partition, some, true)
        resolveOffset(some.at(-1).offset)
      }
    } catch (error) {
      giveUp(error)
    }
    await heartbeat()
  }

  await reader.connect()
  await reader.subscribe({ topic: source, fromBeginning: true })
  await reader.run({ eachBatchAutoResolve: false, autoCommit: false, eachBatch })
}

await initZstd()
if (role.length === 2) await member(...role)
else if (role.length === 4) await transform(...role)
else await serve(operations)

// What the drivers of Node.js clients share; see protocol.py.
import { createInterface } from 'node:readline'

export const encode = data => (data === null || data === undefined ? null : Buffer.from(data).toString('base64'))
export const decode = text => (text === null ? null : Buffer.from(text, 'base64'))

// Mechanism, user and password of SASL, or nothing.
export const login = process.env.KAFKA_LOGIN ? JSON.parse(process.env.KAFKA_LOGIN) : null

// A record as the answers have it; `headers` are pairs.
export function record (partition, offset, timestamp, key, value, headers) {
  return {
    partition,
    offset: Number(offset),
    timestamp: Number(timestamp),
    key: encode(key),
    value: encode(value),
    headers: headers.map(([name, data]) => [String(name), encode(data)])
  }
}

// `operations` maps the name of a request to a function of its other fields.
export async function serve (operations) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: name, ...fields } = JSON.parse(line)
    let answer
    try {
      answer = { result: (await operations[name](fields)) ?? null }
    } catch (error) { // whatever a client throws is its answer
      answer = { error: describe(error) }
    }
    process.stdout.write(JSON.stringify(answer) + '\n')
  }
  process.exit(0)
}

function describe (error) {
  const inner = [error.cause, ...(error.errors ?? []), ...(error.groups ?? []).map(g => g.error)].filter(Boolean)
  return [`${error.name} ${error.type ?? error.apiId ?? error.code ?? ''}: ${error.message}`,
    ...inner.map(describe)].join(' / ')
}

// A line of a group member.
export const say = (...words) => process.stdout.write(words.join(' ') + '\n')

export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

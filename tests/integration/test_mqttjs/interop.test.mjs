// MQTT.js against a running hub: TCP and WebSocket, MQTT 3.1.1 and 5.0. with_hub.py starts the hub
// and puts its ports into the environment.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, test } from 'node:test';

import mqtt from 'mqtt';

const DOORS = {
  TCP: `mqtt://127.0.0.1:${process.env.RUNNEL_MQTT_PORT}`,
  WebSocket: `ws://127.0.0.1:${process.env.RUNNEL_WEBSOCKET_PORT}/mqtt`,
};
const VERSIONS = { '3.1.1': 4, '5.0': 5 };
const PATIENCE = { timeout: 30_000 };

// A connected client that remembers what arrives; closed when the test ends.
async function connect(t, url, options) {
  const client = mqtt.connect(url, { reconnectPeriod: 0, connectTimeout: 10_000, ...options });
  client.arrived = [];
  client.on('message', (topic, payload, packet) => client.arrived.push({ topic, payload, packet }));
  t.after(() => client.endAsync(true));
  const [connack] = await once(client, 'connect');
  client.connack = connack;
  return client;
}

async function arrivals(client, count) {
  while (client.arrived.length < count) await once(client, 'message');
  return client.arrived.splice(0, count);
}

const text = (message) => message.payload.toString();

for (const [door, url] of Object.entries(DOORS)) {
  for (const [version, protocolVersion] of Object.entries(VERSIONS)) {
    const tag = `${door}-${version}`;

    describe(`MQTT.js, ${door}, MQTT ${version}`, () => {
      test('every QoS in and out arrives with the lower of both', PATIENCE, async (t) => {
        const client = await connect(t, url, { protocolVersion });
        for (const out of [0, 1, 2]) {
          await client.subscribeAsync(`js/${tag}/qos/${out}`, { qos: out });
          for (const qos of [0, 1, 2]) {
            await client.publishAsync(`js/${tag}/qos/${out}`, `${qos}`, { qos });
            const [message] = await arrivals(client, 1);
            assert.equal(text(message), `${qos}`);
            assert.equal(message.packet.qos, Math.min(qos, out));
            assert.equal(message.packet.retain, false);
          }
        }
      });

      test('500 KiB of arbitrary bytes arrive as they are', PATIENCE, async (t) => {
        const client = await connect(t, url, { protocolVersion });
        const payload = randomBytes(500 * 1024);
        await client.subscribeAsync(`js/${tag}/big`, { qos: 1 });
        await client.publishAsync(`js/${tag}/big`, payload, { qos: 1 });
        const [message] = await arrivals(client, 1);
        assert.ok(payload.equals(message.payload));
      });

      test('a thousand pipelined messages arrive once and in order', PATIENCE, async (t) => {
        const client = await connect(t, url, { protocolVersion });
        for (const qos of [1, 2]) {
          const topic = `js/${tag}/many/${qos}`;
          await client.subscribeAsync(topic, { qos });
          const numbers = Array.from({ length: 1000 }, (_, i) => `${i}`);
          await Promise.all(numbers.map((n) => client.publishAsync(topic, n, { qos })));
          assert.deepEqual((await arrivals(client, 1000)).map(text), numbers);
        }
      });

      test('a session is resumed with what it missed', PATIENCE, async (t) => {
        const session = {
          protocolVersion, clientId: `js-${tag}-session`, clean: false,
          ...(protocolVersion === 5 && { properties: { sessionExpiryInterval: 3600 } }),
        };
        const first = await connect(t, url, session);
        assert.equal(first.connack.sessionPresent, false);
        await first.subscribeAsync(`js/${tag}/missed/#`, { qos: 1 });
        await first.endAsync();

        const publisher = await connect(t, url, { protocolVersion });
        const numbers = Array.from({ length: 50 }, (_, i) => `${i}`);
        for (const n of numbers) await publisher.publishAsync(`js/${tag}/missed/x`, n, { qos: 1 });

        const second = await connect(t, url, session);
        assert.equal(second.connack.sessionPresent, true);
        assert.deepEqual((await arrivals(second, 50)).map(text), numbers);
      });

      test('a retained message greets a late subscriber until it is cleared', PATIENCE, async (t) => {
        const topic = `js/${tag}/retained`;
        const client = await connect(t, url, { protocolVersion });
        await client.publishAsync(topic, '21.5', { qos: 1, retain: true });
        await client.subscribeAsync(topic, { qos: 1 });
        const [kept] = await arrivals(client, 1);
        assert.equal(text(kept), '21.5');
        assert.equal(kept.packet.retain, true);
        await client.publishAsync(topic, '', { qos: 1, retain: true });
        await arrivals(client, 1);

        const late = await connect(t, url, { protocolVersion });
        await late.subscribeAsync(topic, { qos: 1 });
        await client.publishAsync(topic, 'live', { qos: 1 });
        assert.equal(text((await arrivals(late, 1))[0]), 'live');
      });

      test('the will of a client that was cut off is published', PATIENCE, async (t) => {
        const topic = `js/${tag}/will`;
        const watcher = await connect(t, url, { protocolVersion });
        await watcher.subscribeAsync(topic, { qos: 1 });
        const doomed = await connect(t, url, {
          protocolVersion, will: { topic, payload: Buffer.from('died'), qos: 1, retain: false },
        });
        doomed.stream.destroy();
        assert.equal(text((await arrivals(watcher, 1))[0]), 'died');
      });

      test('an unsubscribed filter delivers nothing', PATIENCE, async (t) => {
        const client = await connect(t, url, { protocolVersion });
        await client.subscribeAsync([`js/${tag}/gone`, `js/${tag}/stays`], { qos: 1 });
        await client.unsubscribeAsync(`js/${tag}/gone`);
        await client.publishAsync(`js/${tag}/gone`, 'not for you', { qos: 1 });
        await client.publishAsync(`js/${tag}/stays`, 'for you', { qos: 1 });
        assert.equal(text((await arrivals(client, 1))[0]), 'for you');
      });

      if (protocolVersion === 5) {
        test('properties arrive as they were sent', PATIENCE, async (t) => {
          const client = await connect(t, url, { protocolVersion });
          const properties = {
            payloadFormatIndicator: true,
            messageExpiryInterval: 3600,
            responseTopic: 'js/answers',
            correlationData: Buffer.from([0, 1, 2, 255]),
            contentType: 'text/plain',
            userProperties: { unit: ['C', 'again'], site: 'Örebro' },
          };
          await client.subscribeAsync(`js/${tag}/properties`, {
            qos: 1, properties: { subscriptionIdentifier: 77 },
          });
          await client.publishAsync(`js/${tag}/properties`, 'x', { qos: 1, properties });
          const { packet } = (await arrivals(client, 1))[0];
          const { subscriptionIdentifier, messageExpiryInterval, ...rest } = packet.properties;
          assert.deepEqual([subscriptionIdentifier].flat(), [77]);
          assert.ok(messageExpiryInterval > 3570 && messageExpiryInterval <= 3600);
          const { messageExpiryInterval: _, ...sent } = properties;
          assert.deepEqual({ ...rest, userProperties: { ...rest.userProperties } }, sent);
        });

        test('topic aliases work in both directions', PATIENCE, async (t) => {
          const client = await connect(t, url, {
            protocolVersion, autoAssignTopicAlias: true, properties: { topicAliasMaximum: 5 },
          });
          assert.ok(client.connack.properties.topicAliasMaximum > 0);
          await client.subscribeAsync(`js/${tag}/alias/#`, { qos: 1 });
          const topics = Array.from({ length: 60 }, (_, i) => `js/${tag}/alias/${i % 20}`);
          for (const topic of topics) await client.publishAsync(topic, topic, { qos: 1 });
          const received = await arrivals(client, topics.length);
          assert.deepEqual(received.map((m) => m.topic), topics);
          assert.deepEqual(received.map(text), topics);
        });

        test('a subscription may ask for the past, and sees where live begins', PATIENCE, async (t) => {
          const topic = `js/${tag}/past`;
          const client = await connect(t, url, { protocolVersion });
          for (const i of [0, 1, 2]) await client.publishAsync(topic, `${i}`, { qos: 1 });
          const ask = (from) => new Promise((resolve, reject) => client.subscribe(
            topic, { qos: 1, properties: { userProperties: { 'hub.from': from } } },
            (error, granted, suback) => (error && !suback ? reject(error) : resolve(suback))));
          const said = (await ask('earliest')).properties.userProperties;
          assert.equal(said['hub.from'], 'earliest');
          const past = await arrivals(client, 3);
          assert.deepEqual(past.map(text), ['0', '1', '2']);
          const marks = past.map(({ packet }) => packet.properties.userProperties);
          for (const mark of marks) {
            assert.equal(mark['hub.replay'], '1');
            assert.ok(Number(mark['hub.position']) < Number(said['hub.live']));
          }
          await client.publishAsync(topic, 'live', { qos: 1 });
          const [live] = await arrivals(client, 1);
          assert.equal(text(live), 'live');
          assert.equal(live.packet.properties?.userProperties?.['hub.replay'], undefined);
          const from = `${marks[1]['hub.topic']}/${marks[1]['hub.partition']}:${marks[1]['hub.offset']}`;
          await ask(from);
          assert.deepEqual((await arrivals(client, 3)).map(text), ['1', '2', 'live']);
          const refused = await ask('yesterday');
          assert.match(refused.properties.reasonString, /yesterday/);
        });

        test('a message of its own is not sent back with No Local', PATIENCE, async (t) => {
          const topic = `js/${tag}/no-local`;
          const client = await connect(t, url, { protocolVersion });
          const other = await connect(t, url, { protocolVersion });
          await client.subscribeAsync(topic, { qos: 1, nl: true });
          await client.publishAsync(topic, 'mine', { qos: 1 });
          await other.publishAsync(topic, 'theirs', { qos: 1 });
          assert.equal(text((await arrivals(client, 1))[0]), 'theirs');
        });
      }
    });
  }
}

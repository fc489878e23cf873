import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { join as joinPath } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createKeyPair } from '../../../shared/protocol/tokens.ts';
import { NONCE_LIFETIME_MS, UNAUTHENTICATED_SOCKETS_PER_TUNNEL, UNAUTHENTICATED_SOCKETS_SHARED, WIRE_LIMITS } from '../../../shared/limits.ts';
import { parseCollectorId } from '../../../shared/ids.ts';
import { openIngest, type IngestFixture } from '../../support/ingest-fixture.ts';
import {
  batchOf, challenge, enrolRequest, join, machineId, paneFocus, postEnrol, ScriptedAgent, tokenFor, type JoinedMachine,
} from '../../support/scripted-agent.ts';

async function joined(collector: IngestFixture): Promise<JoinedMachine> {
  return join(collector.url, collector.codes.create('devbox').code);
}

async function storedEvents(collector: IngestFixture): Promise<number> {
  return (await collector.writer.call('rebuild')).events;
}

/** Writes raw bytes, and gives everything that came back until the other side closed. */
function raw(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
    socket.write(bytes);
  });
}

function upgradeRequest(headers: readonly string[]): string {
  return [
    'GET /agent HTTP/1.1', 'Host: collector', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`, ...headers, '', '',
  ].join('\r\n');
}

describe('the upgrade', () => {
  it('is refused without a token', async () => {
    await using collector = await openIngest();
    const answer = await raw(collector.url, upgradeRequest([]));
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toContain('"code":"unauthorised"');
  });

  it('is refused to a token that is no token', async () => {
    await using collector = await openIngest();
    await expect(ScriptedAgent.connect(collector.url, 'a.b.c')).rejects.toMatchObject({ status: 404 });
    await expect(ScriptedAgent.connect(collector.url, 'nonsense')).rejects.toMatchObject({ status: 401 });
  });

  it('is refused to a machine that never joined', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const stranger = { ...machine, machineId: machineId() };
    await expect(ScriptedAgent.connect(collector.url, await tokenFor(collector.url, stranger))).rejects.toMatchObject({ status: 404 });
  });

  it('is refused to another key that names an enrolled machine', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const forged = { ...machine, keys: await createKeyPair() };
    await expect(ScriptedAgent.connect(collector.url, await tokenFor(collector.url, forged))).rejects.toMatchObject({ status: 401 });
  });

  it('is refused to a token for another collector', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const collectorId = parseCollectorId('22222222-2222-4222-8222-222222222222');
    const token = await tokenFor(collector.url, machine, collectorId === undefined ? {} : { collectorId });
    await expect(ScriptedAgent.connect(collector.url, token)).rejects.toMatchObject({ status: 401 });
  });

  it('is refused to a token over a challenge nobody made', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const token = await tokenFor(collector.url, machine, { nonce: 'made-up-by-the-peer-0001' });
    await expect(ScriptedAgent.connect(collector.url, token)).rejects.toMatchObject({ status: 401 });
  });

  it('is refused to a token that was used before', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const token = await tokenFor(collector.url, machine);
    const agent = await ScriptedAgent.connect(collector.url, token);
    await expect(ScriptedAgent.connect(collector.url, token)).rejects.toMatchObject({ status: 401 });
    agent.terminate();
  });

  it('is refused to a challenge older than 30 s', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const token = await tokenFor(collector.url, machine);
    collector.clock.advance(NONCE_LIFETIME_MS);
    await expect(ScriptedAgent.connect(collector.url, token)).rejects.toMatchObject({ status: 401 });
  });

  it('is refused from an endpoint the machine should not use', async () => {
    await using collector = await openIngest({ endpointAllowed: (_machine, endpoint) => endpoint === 'tt+unix:///run/current.sock' });
    const machine = await joined(collector);
    await expect(ScriptedAgent.connect(collector.url, await tokenFor(collector.url, machine))).rejects.toMatchObject({ status: 401 });
    expect(collector.links.get(machine.machineId)?.problem).toMatchObject({ code: 'unauthorised', message: expect.stringContaining(collector.url) as string });
    const token = await tokenFor(collector.url, machine, { endpoint: 'tt+unix:///run/current.sock' });
    (await ScriptedAgent.connect(collector.url, token)).terminate();
  });

  it('is refused to another machine than the tunnel’s own', async () => {
    const own = machineId();
    await using collector = await openIngest({ listen: () => ({ listen: { host: '127.0.0.1', port: 0 }, admits: own }), endpointAllowed: () => true });
    const other = await joined(collector);
    await expect(ScriptedAgent.connect(collector.url, await tokenFor(collector.url, other))).rejects.toMatchObject({ status: 401 });
    const { code } = collector.codes.create('own');
    const machine = await join(collector.url, code, own);
    (await ScriptedAgent.connect(collector.url, await tokenFor(collector.url, machine))).terminate();
  });

  it('is refused to a browser, even with a good token', async () => {
    await using collector = await openIngest();
    const token = await tokenFor(collector.url, await joined(collector));
    const answer = await raw(collector.url, upgradeRequest([`Authorization: Bearer ${token}`, 'Origin: http://127.0.0.1:7070']));
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  });

  it('lets one machine have only a few connections at a time', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    for (let i = 0; i < 4; i++) await ScriptedAgent.connect(collector.url, await tokenFor(collector.url, machine));
    await expect(ScriptedAgent.connect(collector.url, await tokenFor(collector.url, machine))).rejects.toMatchObject({ status: 429 });
  });
});

describe('the plain routes', () => {
  it('tell nobody anything but that they are alive', async () => {
    await using collector = await openIngest();
    expect(await (await fetch(`${collector.url}/healthz`)).text()).toBe('{"ok":true}');
    for (const path of ['/', '/agent', '/api/status', '/healthz/x', '/challenge?x']) {
      expect((await fetch(`${collector.url}${path}`)).status).toBe(404);
    }
  });

  it.each(['/healthz', '/challenge'])('refuse a browser at %s', async (path) => {
    await using collector = await openIngest();
    expect((await fetch(`${collector.url}${path}`, { headers: { origin: 'http://localhost' } })).status).toBe(403);
  });

  it('refuse headers larger than 8 KiB', async () => {
    await using collector = await openIngest();
    expect(await raw(collector.url, `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(9000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('keep at most 64 strangers: the one that waited longest goes', async () => {
    await using collector = await openIngest();
    const { hostname, port } = new URL(collector.url);
    const sockets = Array.from({ length: UNAUTHENTICATED_SOCKETS_SHARED + 1 }, () => connect(Number(port), hostname));
    const closed = await Promise.race(sockets.map((socket, index) => new Promise<number>((resolve) => {
      socket.on('error', () => {});
      socket.on('close', () => resolve(index));
    })));
    expect(closed).toBe(0);
    expect((await fetch(`${collector.url}/healthz`)).status).toBe(200);
    for (const socket of sockets) socket.destroy();
  });
});

describe('a tunnel', () => {
  it('can be full of silent sockets, and no other listener notices', async () => {
    const own = machineId();
    await using collector = await openIngest();
    const socketPath = joinPath(collector.directory, 'tunnel.sock');
    await collector.ingest.listen({ listen: { socketPath }, admits: own });
    const sockets = Array.from({ length: 3 * UNAUTHENTICATED_SOCKETS_PER_TUNNEL }, () => connect(socketPath));
    let open = sockets.length;
    const isCapped = new Promise<void>((resolve) => {
      for (const socket of sockets) {
        socket.on('error', () => {});
        socket.on('close', () => {
          open -= 1;
          if (open === UNAUTHENTICATED_SOCKETS_PER_TUNNEL) resolve();
        });
      }
    });
    await isCapped;
    const agent = await ScriptedAgent.connect(collector.url, await tokenFor(collector.url, await joined(collector)));
    agent.hello();
    await agent.frame('welcome');
    expect(open).toBe(UNAUTHENTICATED_SOCKETS_PER_TUNNEL);
    for (const socket of sockets) socket.destroy();
    agent.terminate();
  });
});

describe('enrolment over HTTP', () => {
  it('refuses what is too large, no JSON, or nested deeply', async () => {
    await using collector = await openIngest();
    expect((await postEnrol(collector.url, 'x'.repeat(17_000))).status).toBe(400);
    expect((await postEnrol(collector.url, '{')).status).toBe(400);
    expect((await postEnrol(collector.url, '['.repeat(8000) + ']'.repeat(8000))).status).toBe(400);
  });

  it('voids a code after five wrong proofs', async () => {
    await using collector = await openIngest();
    const { code } = collector.codes.create('devbox');
    const request = await enrolRequest(code, await createKeyPair());
    for (let i = 0; i < 5; i++) {
      expect((await postEnrol(collector.url, { ...request, mac: 'wrong' })).body).toMatchObject({ code: 'code_wrong' });
    }
    expect((await postEnrol(collector.url, request)).body).toMatchObject({ code: 'code_unknown' });
    expect(collector.registry.list()).toEqual([]);
  });

  it('lets nobody’s guesses keep a machine from joining', async () => {
    await using collector = await openIngest();
    for (let i = 0; i < 21; i++) await postEnrol(collector.url, await enrolRequest(randomBytes(16).toString('hex'), await createKeyPair()));
    expect((await postEnrol(collector.url, {})).body).toMatchObject({ code: 'too_many_tries' });
    await joined(collector);
  });

  it('stops answering guesses after twenty, and recovers', async () => {
    await using collector = await openIngest();
    for (let i = 0; i < 20; i++) expect((await postEnrol(collector.url, {})).status).toBe(400);
    expect((await postEnrol(collector.url, {})).status).toBe(429);
    collector.clock.advance(60_000);
    await joined(collector);
  });
});

describe('an authenticated peer', () => {
  async function dialled(collector: IngestFixture): Promise<{ machine: JoinedMachine; agent: ScriptedAgent }> {
    const machine = await joined(collector);
    return { machine, agent: await ScriptedAgent.connect(collector.url, await tokenFor(collector.url, machine)) };
  }

  it('has no event taken before its hello', async () => {
    await using collector = await openIngest();
    const { machine, agent } = await dialled(collector);
    agent.send(batchOf(1, [paneFocus(machine.machineId, '2026-01-05T11:00:00.000Z')]));
    expect(await agent.frame('goodbye')).toMatchObject({ code: 'protocol_error' });
    await agent.close();
    expect(await storedEvents(collector)).toBe(0);
  });

  it('has no event taken between hello and welcome', async () => {
    await using collector = await openIngest();
    const { machine, agent } = await dialled(collector);
    agent.hello();
    agent.send(batchOf(1, [paneFocus(machine.machineId, '2026-01-05T11:00:00.000Z')]));
    await agent.close();
    expect(await storedEvents(collector)).toBe(0);
  });

  it('is told to go when its hello does not come within 5 s', async () => {
    await using collector = await openIngest();
    const { agent } = await dialled(collector);
    collector.clock.advance(5000);
    expect((await agent.close()).code).toBe(4407);
  });

  it('is told which side to upgrade when the protocols differ', async () => {
    await using collector = await openIngest();
    const { agent } = await dialled(collector);
    agent.hello({ protocol: 2 });
    const { code, hint } = await agent.frame('goodbye');
    expect([code, hint]).toEqual(['version_unsupported', 'protocol 2 meets 1: upgrade tt on the laptop']);
    expect((await agent.close()).code).toBe(4406);
  });

  it('may not say hello for another instance than its token', async () => {
    await using collector = await openIngest();
    const { agent } = await dialled(collector);
    agent.hello({ instance: 'another' });
    expect(await agent.frame('goodbye')).toMatchObject({ code: 'unauthorised' });
  });

  it.each([
    ['text that is no JSON', 'nonsense'],
    ['a frame type nobody knows', '{"type":"take-over"}'],
    ['deep JSON', `{"type":"status","x":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
    ['deep JSON in a batch', `{"type":"batch","seq":1,"lane":"live","x":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
    ['a batch that is none', '{"type":"batch","seq":1,"lane":"live"}'],
    ['a second hello', '{"type":"hello"}'],
    ['binary junk', randomBytes(1000)],
    ['brotli that is none', Buffer.concat([Buffer.of(1), randomBytes(1000)])],
    ['an empty binary frame', Buffer.of()],
  ])('is told to go after %s', async (_what, data) => {
    await using collector = await openIngest();
    const { agent } = await dialled(collector);
    agent.hello();
    await agent.frame('welcome');
    agent.send(data);
    expect(await agent.frame('goodbye')).toMatchObject({ code: 'protocol_error' });
    expect((await agent.close()).code).toBe(4400);
    expect((await fetch(`${collector.url}/healthz`)).status).toBe(200);
  });

  it('stays out for five seconds after it broke the protocol, and no other machine with it', async () => {
    await using collector = await openIngest();
    const { machine, agent } = await dialled(collector);
    const other = await join(collector.url, collector.codes.create('other').code);
    agent.send('nonsense');
    await agent.close();
    await expect(ScriptedAgent.connect(collector.url, await tokenFor(collector.url, machine))).rejects.toMatchObject({ status: 429 });
    (await ScriptedAgent.connect(collector.url, await tokenFor(collector.url, other))).terminate();
    collector.clock.advance(5000);
    (await ScriptedAgent.connect(collector.url, await tokenFor(collector.url, machine))).terminate();
  });

  it('is cut off at a frame larger than 1 MiB', async () => {
    await using collector = await openIngest();
    const { agent } = await dialled(collector);
    agent.hello();
    await agent.frame('welcome');
    agent.send('x'.repeat(WIRE_LIMITS.frameBytes + 1));
    expect((await agent.close()).code).toBe(1009);
  });

  it('is told to go when it asks more than can be answered', async () => {
    await using collector = await openIngest();
    const { agent } = await dialled(collector);
    agent.hello();
    await agent.frame('welcome');
    // The writer works through one long question; what the peer sends meanwhile must not pile up without end.
    let free = (): void => {};
    const isFree = new Promise<void>((resolve) => (free = resolve));
    const { writer } = collector;
    let asked = 0;
    const call = writer.call.bind(writer);
    writer.call = (method, ...args) => {
      asked += 1;
      return isFree.then(() => call(method, ...args));
    };
    for (let i = 0; i < 20_000; i++) agent.send('{"type":"probe","id":"p","hops":[]}');
    expect(await agent.frame('goodbye')).toMatchObject({ code: 'protocol_error', hint: 'more was sent than the window allows' });
    expect(asked).toBeLessThan(10_000);
    free();
    await agent.close();
  });

  it('is not blamed for a collector that was asleep', async () => {
    await using collector = await openIngest();
    const { agent } = await dialled(collector);
    agent.hello();
    await agent.frame('welcome');
    collector.clock.jump(3_600_000);
    agent.send(JSON.stringify({ type: 'probe', id: 'p', hops: [] }));
    await agent.frame('probe');
    expect(agent.closed).toBeUndefined();
  });

  it('brings its challenge from the route that makes them', async () => {
    await using collector = await openIngest();
    const [first, second] = [await challenge(collector.url), await challenge(collector.url)];
    expect(first).not.toBe(second);
    expect(first.length).toBeGreaterThanOrEqual(22);
  });
});

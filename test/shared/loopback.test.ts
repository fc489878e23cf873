import { expect, it } from 'vitest';
import { hostInUrl, hostOfSocket, isLoopback, reverseTunnel } from '../../shared/loopback.ts';

it.each([['127.0.0.1', true], ['127.0.0.9', true], ['localhost', true], ['::1', true], ['[::1]', true], ['0.0.0.0', false], ['::', false], ['127.0.0.1.example', false]])('%s is this computer alone: %s', (host, isIt) => {
  expect(isLoopback(host)).toBe(isIt);
});

it.each(['::1', '[::1]'])('%s stands in brackets in a URL, and without them at a socket', (host) => {
  expect([hostInUrl(host), hostOfSocket(host)]).toEqual(['[::1]', '::1']);
});

it('other hosts stand as they are', () => {
  expect([hostInUrl('127.0.0.1'), hostOfSocket('localhost')]).toEqual(['127.0.0.1', 'localhost']);
});

it.each([
  ['http://127.0.0.1:7071', 'ssh -R 7071:127.0.0.1:7071 devbox'], ['http://[::1]:7071', 'ssh -R 7071:[::1]:7071 devbox'], ['http://localhost:7071', 'ssh -R 7071:localhost:7071 devbox'],
  ['https://tt.example', undefined], ['https://tt.example:8443', undefined], ['http://localhost', undefined], ['tt+unix:///run/tt.sock', undefined],
])('to %s leads the tunnel %s', (url, tunnel) => {
  expect(reverseTunnel(url, 'devbox')).toBe(tunnel);
});

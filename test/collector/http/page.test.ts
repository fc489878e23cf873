import { expect, it } from 'vitest';
import { hostsOf } from '../../../collector/http/page.ts';

it('the page is meant by every name of this computer, with its port', () => {
  expect([...hostsOf('127.0.0.9', 7070)]).toEqual(['127.0.0.9:7070', '127.0.0.1:7070', 'localhost:7070', '[::1]:7070']);
  expect([...hostsOf('[::1]', 7070)]).toEqual(['[::1]:7070', '127.0.0.1:7070', 'localhost:7070']);
});

it('at port 80 it is meant without a port too, which browsers leave out there', () => {
  const hosts = hostsOf('127.0.0.1', 80);
  for (const host of ['127.0.0.1', '127.0.0.1:80', 'localhost', '[::1]']) expect(hosts).toContain(host);
  expect(hosts).not.toContain('other.example');
});

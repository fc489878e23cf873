/** Hosts that only this computer reaches, and how a host is written. */

const LOOPBACK = /^(127(\.\d{1,3}){3}|localhost|::1|\[::1\])$/;

/** A host, as a configuration or a URL has it, that only this computer reaches. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** As a URL has it: an IPv6 address in brackets. */
export function hostInUrl(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/** As a socket takes it: without them. */
export function hostOfSocket(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** By which a machine that ssh reaches as `label` gets to `url`; undefined: that is no port of this computer, and reached without. */
export function reverseTunnel(url: string, label: string): string | undefined {
  const { hostname, port } = new URL(url);
  return isLoopback(hostname) && port !== '' ? `ssh -R ${port}:${hostname}:${port} ${label}` : undefined;
}

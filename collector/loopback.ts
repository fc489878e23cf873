const LOOPBACK = /^(127(\.\d{1,3}){3}|localhost|::1|\[::1\])$/;

/** A host, as a configuration or a URL has it, that only this computer reaches. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

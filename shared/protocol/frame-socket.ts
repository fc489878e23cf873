/**
 * The four methods both sides are written against. The real one wraps a
 * WebSocket (`web-socket.ts`); the simulation joins two in memory.
 */
export interface FrameSocket {
  /**
   * Queues one frame. False when the socket is no longer open: the frame is gone,
   * nothing was promised. Bytes make a binary frame unless `isBinary` is false:
   * then they are a text in UTF-8, encoded by the caller.
   */
  send(data: string | Uint8Array, options?: { isBinary: boolean }): boolean;
  /** Bytes handed over and not yet taken by the kernel. */
  readonly bufferedBytes: number;
  ping(): void;
  /** Closes with a code and a reason; `terminate` cuts without a handshake. */
  close(code: number, reason: string): void;
  terminate(): void;
}

export interface FrameSocketEvents {
  onFrame(data: Buffer, isBinary: boolean): void;
  /** Any sign of life: a pong or a ping of the peer. */
  onAlive(): void;
  onClose(code: number, reason: string): void;
}

/**
 * One machine's tunnel: an `ssh -R` that is always started again, each time with
 * a fresh remote end (design §8). A stale one is abandoned, never waited for:
 * sshd may hold it for as long as somebody polls it.
 *
 * The remote end is a Unix socket that only the account there can open. Where
 * sshd refuses to forward sockets it is a loopback port, which every user there
 * can reach: they are refused, but they can be a nuisance; `warning` says so.
 */
import type { Clock } from '../../shared/clock.ts';
import type { TunnelMode } from '../../shared/config.ts';
import type { Log } from '../../shared/log.ts';
import { isEndpoint } from '../../shared/protocol/endpoint.ts';
import { newestOf, OWN_CONNECTION_OPTIONS, REMOTE_FORWARD_OPTIONS, UNATTENDED_SSH_OPTIONS, type RunSsh, type SshProcess } from '../ssh.ts';
import { FIND_PLACE_COMMAND, HOLD_COMMAND, parseRemotePlace, printHoldRequest, type RemotePlace } from './remote-end.ts';
import { toSshFailure, type SshFailure, type SshFailureCode } from './ssh-failure.ts';

/** `waiting`: its check says that the host does not run; `off`: nobody asked for it. */
export type TunnelPhase = 'connecting' | 'up' | 'down' | 'waiting' | 'off';

export interface TunnelState {
  phase: TunnelPhase;
  /** When this phase began, ms since the epoch. */
  sinceMs: number;
  /** Why it is down, or was before it came up again. */
  problem: Pick<SshFailure, 'code' | 'message' | 'hint'> | null;
  warning: string | null;
  /** Times it was up in this run of the collector. */
  ups: number;
}

/** How it is kept, beside how it is. */
export interface TunnelInfo extends TunnelState {
  host: string;
  mode: TunnelMode;
}

export interface TunnelDeps {
  clock: Clock;
  log: Log;
  runSsh: RunSsh;
  /** Near end: the listener that admits this machine alone. */
  localSocket: string;
  /** Is the host on? Asked before each start in `while-running`, so that a stopped one is not woken. */
  isRunning: () => Promise<boolean>;
  /** The remote end that is current; null: none is. Called before anybody can come by it. */
  onEndpoint: (endpoint: string | null) => void;
  onChange: () => void;
}

export interface TunnelOptions {
  host: string;
  mode: TunnelMode;
}

/** An interval of 2 s twice unanswered: a dead link is left after about 5 s (testing.md §1). */
const KEEPALIVE = ['-o', 'ServerAliveInterval=2', '-o', 'ServerAliveCountMax=2'];

const OUT_OF_REACH: ReadonlySet<SshFailureCode> = new Set(['name', 'unreachable', 'timeout', 'connection_lost']);

const READY_MS = 20_000;
/** Far more than an answer takes where there is a way; keepalives would need up to 6 s. */
const ANSWER_MS = 2000;
const AFTER_LOSS_MS = 200;
const RETRY_MS = 1000;
const LATE_RETRY_MS = 3000;
const LATE_AFTER_MS = 5 * 60_000;
const NEEDS_HAND_MS = 30_000;
const NOT_RUNNING_MS = 30_000;
const KILL_MS = 2000;
const KEPT_OUTPUT = 8192;

const PORT_WARNING = 'its sshd forwards no Unix sockets, so the tunnel ends at a port that every user of that host can reach (they are refused): AllowStreamLocalForwarding yes';

export class Tunnel {
  readonly #options: TunnelOptions;
  readonly #deps: TunnelDeps;
  #state: TunnelState;
  #place: RemotePlace | undefined;
  #byPort = false;
  #downSinceMs: number | null = null;
  #isClosed = false;
  #isWanted: boolean;
  #ssh: SshProcess | undefined;
  /** Why this one's ssh was ended, where that was us; as ssh would say it. */
  #endedBecause: 'asked for' | 'timed out' | undefined;
  /** Asked of the far end, and not answered yet. */
  #question: { text: string; cancel: () => void } | undefined;
  /** Ends the pause that is on. */
  #wake = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: TunnelOptions, deps: TunnelDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#isWanted = options.mode !== 'manual';
    this.#state = { phase: 'off', sinceMs: deps.clock.now(), problem: null, warning: null, ups: 0 };
    deps.onEndpoint(null);
    this.#running = this.#run();
  }

  state(): Readonly<TunnelInfo> {
    return { ...this.#options, ...this.#state };
  }

  /** Tries at once instead of after a pause; one that is up must prove soon that it still is. */
  networkChanged(): void {
    this.#wake.abort();
    const ssh = this.#ssh;
    if (this.#state.phase !== 'up' || ssh === undefined || this.#question !== undefined) return;
    const text = `tt tunnel there ${this.#token()}`;
    const cancel = this.#deps.clock.after(ANSWER_MS, () => this.#end('timed out'));
    this.#question = { text, cancel };
    ssh.stdin.write(`${text}\n`);
  }

  /** A new tunnel whatever the old one does; also starts a `manual` one. */
  restart(): void {
    this.#isWanted = true;
    this.#end('asked for');
    this.#wake.abort();
  }

  /** Resolves when its ssh has ended. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#end('asked for');
    this.#wake.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      if (!this.#isWanted) await this.#pause('off', 24 * 3_600_000);
      else if (this.#options.mode === 'while-running' && !(await this.#deps.isRunning())) await this.#pause('waiting', NOT_RUNNING_MS);
      else if (!this.#isClosed) await this.#pause('down', await this.#once());
    }
  }

  async #pause(phase: TunnelPhase, ms: number): Promise<void> {
    this.#enter(phase);
    this.#wake = new AbortController();
    if (!this.#isClosed) await this.#deps.clock.sleep(ms, this.#wake.signal);
  }

  /** One tunnel from its start to its end; answers how long to wait before the next. */
  async #once(): Promise<number> {
    const { clock, log, onEndpoint } = this.#deps;
    this.#enter('connecting');
    const upsBefore = this.#state.ups;
    const wasRemembered = this.#place !== undefined;
    this.#endedBecause = undefined;
    const said = await this.#hold();
    onEndpoint(null);
    if (this.#isClosed || this.#endedBecause === 'asked for') return 0;
    const wasUp = this.#state.ups > upsBefore;
    const failure = toSshFailure(this.#endedBecause ?? said, this.#options.host);
    // Nothing was heard of the place where nobody was reached; where it went (with /tmp, at a boot) it is made again.
    if (!wasUp && !OUT_OF_REACH.has(failure.code)) this.#place = undefined;
    const isRefused = !wasUp && failure.code === 'forwarding';
    const isPlaceGone = isRefused && wasRemembered;
    // Sockets are refused once, then a port is tried, and so on in turn.
    if (isRefused && !isPlaceGone) this.#byPort = !this.#byPort;
    this.#state = { ...this.#state, problem: failure };
    this.#downSinceMs ??= clock.now();
    log.warn({ host: this.#options.host, code: failure.code, reason: failure.message }, 'tunnel ended');
    if (wasUp || isPlaceGone || (isRefused && this.#byPort)) return AFTER_LOSS_MS;
    if (failure.needsHand) return NEEDS_HAND_MS;
    return clock.now() - this.#downSinceMs > LATE_AFTER_MS ? LATE_RETRY_MS : RETRY_MS;
  }

  /** Until the ssh of this tunnel has ended; answers what it said. */
  async #hold(): Promise<string> {
    const found = await this.#findPlace();
    if (typeof found === 'string') return found;
    const token = this.#token();
    const socket = `${found.socketDir}/in-${token}.sock`;
    const remote = this.#byPort ? '127.0.0.1:0' : socket;
    const ssh = this.#start([...REMOTE_FORWARD_OPTIONS, '-R', `${remote}:${this.#deps.localSocket}`], HOLD_COMMAND);
    const begin = (endpoint: string): void => {
      this.#deps.onEndpoint(endpoint);
      ssh.stdin.write(printHoldRequest({ endpoint, stateDir: found.stateDir, token }));
    };
    let isAnnounced = false;
    const said = newestOf(ssh.stderr, KEPT_OUTPUT, (text) => {
      // Without ExitOnForwardFailure ssh stays when ours was refused.
      if (this.#byPort && /remote port forwarding failed for listen port 0\b/.test(text)) ssh.kill('SIGTERM');
      const port = /Allocated port (\d+) for remote forward/.exec(text)?.[1];
      if (!this.#byPort || port === undefined || isAnnounced) return;
      isAnnounced = true;
      begin(`http://127.0.0.1:${port}`);
    });
    newestOf(ssh.stdout, KEPT_OUTPUT, (text) => {
      if (this.#state.phase !== 'up' && text.includes(`tt tunnel ok ${token}`)) this.#isUp();
      if (this.#question !== undefined && text.includes(this.#question.text)) this.#forgetQuestion();
    });
    if (!this.#byPort) begin(`tt+unix://${socket}`);
    await ssh.ended;
    this.#forgetQuestion();
    return said();
  }

  #forgetQuestion(): void {
    this.#question?.cancel();
    this.#question = undefined;
  }

  #isUp(): void {
    this.#downSinceMs = null;
    this.#state = { ...this.#state, ups: this.#state.ups + 1, warning: this.#byPort ? PORT_WARNING : null };
    this.#enter('up');
    this.#deps.log.info({ host: this.#options.host }, 'tunnel is up');
  }

  /** The remote directories; or what was said instead. */
  async #findPlace(): Promise<RemotePlace | string> {
    for (const wanted of ['', 'tmp']) {
      if (this.#place) return this.#place;
      const ssh = this.#start([], FIND_PLACE_COMMAND);
      const [output, said] = [newestOf(ssh.stdout, KEPT_OUTPUT), newestOf(ssh.stderr, KEPT_OUTPUT)];
      ssh.stdin.end(`${wanted}\n`);
      await ssh.ended;
      const place = parseRemotePlace(output());
      // Ended by us it is no answer, whatever it had said by then.
      if (!place || this.#endedBecause !== undefined) return said();
      if (isEndpoint(`tt+unix://${place.socketDir}/in-${this.#token()}.sock`)) this.#place = place;
    }
    return this.#place ?? 'tt tunnel path';
  }

  /** Each has a deadline: ssh's own for connecting ends when the other side has said who it is, and keepalives begin after the login. */
  #start(options: readonly string[], command: string): SshProcess {
    const ssh = this.#deps.runSsh([...UNATTENDED_SSH_OPTIONS, ...OWN_CONNECTION_OPTIONS, ...KEEPALIVE, ...options, '--', this.#options.host, command]);
    this.#ssh = ssh;
    const tooLate = this.#deps.clock.after(READY_MS, () => {
      if (this.#state.phase !== 'up') this.#end('timed out');
    });
    const forget = (): void => {
      tooLate();
      if (this.#ssh === ssh) this.#ssh = undefined;
    };
    ssh.ended.then(forget, forget);
    if (this.#isClosed) this.#end('asked for');
    return ssh;
  }

  #end(because: 'asked for' | 'timed out'): void {
    const ssh = this.#ssh;
    if (!ssh) return;
    this.#endedBecause = because;
    ssh.kill('SIGTERM');
    const cancel = this.#deps.clock.after(KILL_MS, () => ssh.kill('SIGKILL'));
    ssh.ended.then(cancel, cancel);
  }

  #enter(phase: TunnelPhase): void {
    if (this.#state.phase === phase) return;
    this.#state = { ...this.#state, phase, sinceMs: this.#deps.clock.now() };
    this.#deps.onChange();
  }

  /** Names one start: nobody has to guess it, nobody may meet it twice. */
  #token(): string {
    const part = (): string => Math.floor(this.#deps.clock.random() * 2 ** 32).toString(16).padStart(8, '0');
    return part() + part();
  }
}

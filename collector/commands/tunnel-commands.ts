/** The commands about the ways by which machines reach this collector. */
import { JSON_OPTION, type CommandSpec } from '../../shared/cli.ts';

const LABEL = { syntax: '[label]', description: 'of this machine only (its label or its host)' };

export const TUNNEL_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'sync',
    summary: 'Fetch once, by ssh, what a machine has where nothing may be installed; without a host, of all that are not connected',
    example: 'tt sync codespace me@devbox',
    arguments: [{ syntax: '[host...]', description: 'where ssh reaches it, as in ~/.ssh/config' }],
    options: [
      { flags: '--label <label>', description: 'what to call a machine that is new; else as its host' },
      { flags: '--sessions', description: 'and keep the sessions of the last days in step (tt sessions sync); what fails there only warns' },
      { flags: '--sessions-only', description: 'nothing but that' },
      { flags: '--no-sessions', description: 'only events, as without a word' },
      { flags: '--every [interval]', description: 'have the collector do it by itself: 30m, 1h, 1d; off ends it; alone it tells how that goes' },
      JSON_OPTION,
    ],
    load: async () => (await import('./sync.ts')).sync,
  },
  {
    name: 'tunnel',
    summary: 'Show the tunnels: up since when, or why not and what to do',
    example: 'tt tunnel',
    options: [JSON_OPTION],
    load: async () => (await import('./tunnel.ts')).tunnelStatus,
  },
  {
    name: 'tunnel status',
    summary: 'Show the tunnels',
    example: 'tt tunnel status devbox',
    arguments: [LABEL],
    options: [JSON_OPTION],
    load: async () => (await import('./tunnel.ts')).tunnelStatus,
  },
  {
    name: 'tunnel restart',
    summary: 'Leave a tunnel and make a new one, or all; starts one whose mode is manual',
    example: 'tt tunnel restart devbox',
    arguments: [LABEL],
    options: [JSON_OPTION],
    load: async () => (await import('./tunnel.ts')).restartTunnel,
  },
  {
    name: 'tunnel add',
    summary: 'Keep a tunnel to a machine that is enrolled already; tt deploy does it by itself',
    example: 'tt tunnel add devbox me@devbox',
    arguments: [{ syntax: '<label>', description: 'the machine' }, { syntax: '<host>', description: 'where ssh reaches it, as in ~/.ssh/config' }],
    options: [JSON_OPTION],
    load: async () => (await import('./tunnel.ts')).addTunnel,
  },
  {
    name: 'tunnel remove',
    summary: 'Keep no tunnel to a machine any more',
    example: 'tt tunnel remove devbox',
    arguments: [{ syntax: '<label>', description: 'the machine' }],
    options: [JSON_OPTION],
    load: async () => (await import('./tunnel.ts')).removeTunnel,
  },
];

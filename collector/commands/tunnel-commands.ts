/** The commands about the tunnels by which machines reach this collector. */
import { JSON_OPTION, type CommandSpec } from '../../shared/cli.ts';

const LABEL = { syntax: '[label]', description: 'of this machine only (its label or its host)' };

export const TUNNEL_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'tunnel',
    summary: 'Show the tunnels: up since when, or why not and what to do',
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
    arguments: [{ syntax: '<label>', description: 'the machine' }],
    options: [JSON_OPTION],
    load: async () => (await import('./tunnel.ts')).removeTunnel,
  },
];

import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hooksFor, withBlock, withoutBlock } from '../../../collector/deploy/tmux-block.ts';

const block = { hooksFile: '/home/me/.local/share/tt/tmux-hooks.conf', isNewFile: false };
const configuration = fc.array(fc.constantFrom('set -g mouse on\n', '# mine', '\n', '# >>> other >>>\n', 'caf\xe9', ' ', '# <<< tt')).map((parts) => parts.join(''));

describe('the block in tmux.conf', () => {
  it('is the end of the file, and goes to the byte, however often it was added', () => {
    fc.assert(fc.property(configuration, fc.integer({ min: 1, max: 3 }), (text, times) => {
      let changed = text;
      for (let time = 0; time < times; time += 1) changed = withBlock(changed, block);
      expect(changed.endsWith('# <<< tt\n')).toBe(true);
      expect(changed.match(/^source-file /gm)).toHaveLength(1);
      expect(withoutBlock(changed)).toBe(text);
    }));
  });

  it('moves to the end when something was written behind it, which stays', () => {
    const later = `${withBlock('set -g mouse on\n', block)}set-hook -g pane-focus-in mine\n`;
    expect(withoutBlock(later)).toBe('set -g mouse on\nset-hook -g pane-focus-in mine\n');
    expect(withBlock(later, block)).toMatch(/mine\n# >>> tt [^\n]*\nsource-file [^\n]*\n# <<< tt\n$/);
  });

  it('takes the file with it where that was made for it and holds nothing else', () => {
    const made = withBlock('', { ...block, isNewFile: true });
    expect(withoutBlock(made)).toBeNull();
    expect(withoutBlock(withBlock(made, block))).toBeNull();
    expect(withoutBlock(`${made}set -g mouse on\n`)).toBe('set -g mouse on\n');
  });

  it('leaves alone what has no block, or only half of one', () => {
    expect(withoutBlock('set -g mouse on\n')).toBeUndefined();
    expect(withoutBlock('# >>> tt by tt deploy\nsource-file x\n')).toBeUndefined();
  });

  it('quotes a path that tmux would read otherwise', () => {
    expect(withBlock('', { ...block, hooksFile: "/home/o'neil/#x y/tmux-hooks.conf" })).toContain(`source-file '/home/o'"'"'neil/#x y/tmux-hooks.conf'\n`);
  });
});

describe('the hooks for a machine', () => {
  const conf = readFileSync(join(import.meta.dirname, '../../../deploy/tmux-hooks.conf'), 'utf8');

  it('write where its agent reads, whatever the tmux server has in its environment', () => {
    const own = hooksFor(conf, { dataDir: '/data/me/tt', stateDir: '/state/me/tt' });
    expect(own).toContain('set -g @tt-hook "XDG_DATA_HOME=/data/me XDG_STATE_HOME=/state/me; hook=/data/me/tt/hook.sh; [ -r \\"\\$hook\\" ]');
  });

  it('go by that environment where a path would need quoting', () => {
    expect(hooksFor(conf, { dataDir: '/da ta/tt', stateDir: '/state/tt' })).toBe(conf);
  });
});

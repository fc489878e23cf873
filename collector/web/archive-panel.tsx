/** Of a machine: which of its session files are kept here, what waits, and the command that begins or ends it. */
import type { MachineArchiveDocument } from '../../shared/archive-document.ts';
import { archiveNotes, archiveStateWords, archiveWaitingWords } from '../../shared/archive-words.ts';
import { bytesWords, plural } from '../../shared/status-words.ts';
import { useAnswer } from './answer.ts';
import { CopyButton } from './copy-button.tsx';
import { Panel } from './panel.tsx';
import { plain } from './session-name.tsx';

const LEAST_MS = 5000;

/** `stamp`: another one when something may have been archived. */
export function ArchivePanel({ machineId, stamp }: { machineId: string; stamp: string }) {
  const { document, error } = useAnswer<MachineArchiveDocument>(`/api/v1/machines/${machineId}/archive`, stamp, LEAST_MS);
  if (document === undefined) return error === undefined ? null : <Panel id="archive" title="Session files"><p class="problem">{plain(error)}</p></Panel>;
  const { label, on, sessions, files, bytes, ended_at: ended } = document;
  const kept = files === 0 ? 'nothing' : `${plural(sessions, 'session')}, ${plural(files, 'file')}, ${bytesWords(bytes)}`;
  const facts: readonly (readonly [string, string])[] = [['Archive', archiveStateWords(document)], ['Kept here', kept], ['Waiting', archiveWaitingWords(document)], ['Notes', archiveNotes(document).join('; ')]];
  const command = `tt archive ${on ? 'off' : 'on'} ${label}`;
  return (
    <Panel id="archive" title="Session files" note={on ? 'kept byte for byte, also when they are deleted there' : ''}>
      <dl class="facts">
        {facts.filter(([, words]) => words !== '').map(([term, words]) => <div key={term}><dt>{term}</dt><dd>{plain(words)}</dd></div>)}
        {ended === null && <div key="command"><dt>{on ? 'To end it' : 'To begin'}</dt><dd><code>{plain(command)}</code> <CopyButton text={plain(command)} what={`the command that ${on ? 'ends' : 'begins'} keeping session files`} /></dd></div>}
      </dl>
      <p class="quiet">{on ? 'What is kept stays when it is ended.' : 'Then its sessions can be searched, read whole, and gone on with on another machine. Its owner must allow it there: archive = true in config.toml. Nothing in these files is masked.'}</p>
    </Panel>
  );
}

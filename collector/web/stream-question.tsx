import type { ListedStream } from '../streams/stream-list.ts';
import { useAnswer } from './answer.ts';
import { Question } from './question.tsx';
import { plain } from './session-name.tsx';

interface StreamQuestionProps {
  title: string;
  verb: string;
  /** Into one that is there; else also none, or a new one. */
  isMerge: boolean;
  /** ID of the one that can not be chosen. */
  without: string | undefined;
  /** `stream`: ID or name; null: none. */
  onChosen(stream: string | null, isNew: boolean): void;
  onClose(): void;
}

const NONE = ' none';
const NEW = ' new';

export function StreamQuestion({ title, verb, isMerge, without, onChosen, onClose }: StreamQuestionProps) {
  const { document, error } = useAnswer<{ streams: ListedStream[] }>('/api/v1/streams?all=1', '', 0);
  const streams = (document?.streams ?? []).filter(({ id }) => id !== without);
  const answered = (answers: FormData): void => {
    const [stream, name] = [answers.get('stream'), answers.get('name')];
    if (typeof stream !== 'string') return;
    if (stream === NEW) onChosen(typeof name === 'string' ? name.trim() : '', true);
    else onChosen(stream === NONE ? null : stream, false);
  };
  return (
    <Question isOpen title={title} verb={verb} isGrave={isMerge} onYes={answered} onClose={onClose}>
      {error !== undefined && <p class="problem">{plain(error)}</p>}
      {isMerge && <p>Everything of it belongs to the other one then; it can not be told apart again.</p>}
      {document && isMerge && streams.length === 0 && <p class="problem">There is no other stream.</p>}
      {document && (
        <p>
          <label>Stream <select name="stream" required>
            {streams.map(({ id, name }) => <option key={id} value={id}>{plain(name) || '(unnamed)'}</option>)}
            {!isMerge && <option key={NEW} value={NEW}>a new one, called …</option>}
            {!isMerge && <option key={NONE} value={NONE}>none, and it stays so</option>}
          </select></label>
        </p>
      )}
      {document && !isMerge && <p><label>Name of a new one <input name="name" type="text" autocomplete="off" /></label></p>}
    </Question>
  );
}

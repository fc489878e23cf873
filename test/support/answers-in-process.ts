import type { AnswersChannel } from '../../collector/answers/answers.ts';
import { openAnswering } from '../../collector/answers/answer.ts';
import type { Answered, AnswersData } from '../../collector/answers/questions.ts';

/** The thread's own work without the thread. */
export function startAnswersInProcess(data: AnswersData): AnswersChannel {
  const answering = openAnswering(data);
  let tell: (answer: Answered) => void = () => {};
  let exit: (error: Error | undefined) => void = () => {};
  const end = (): void => {
    answering.close();
    queueMicrotask(() => exit(undefined));
  };
  return {
    post: (message) => (message === 'close' ? end() : void answering.answer(message).then((answered) => tell(answered))),
    onMessage: (listener) => (tell = listener),
    onExit: (listener) => (exit = listener),
    terminate: end,
  };
}

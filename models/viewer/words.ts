/** A step in the viewer as words: what is put before the model, and what a demonstration would write. */
import { actionNames, actionTable, callOf, type ViewerAction } from './actions.ts';
import { seriesOf, type ViewerState, type ViewerStudy } from './state.ts';
import { writeStep } from './step.ts';

/** How a step is written: three blocks (Mobile-R1), or thought and a list of one action (GUI-R1). */
export type Grammar = 'mobileR1' | 'guiR1';

/** Of the steps before so many are said. */
const remembered = 4;

/** An action in a few letters. */
export const shortOf = (action: ViewerAction): string => {
  const { action: name, input_text: text } = callOf(action);
  return actionTable[name].text === null ? name : `${name} ${text}`;
};

/** What is put beside the picture: the task, what the view is, what was done. */
export function promptOf(instruction: string, study: ViewerStudy, state: ViewerState, done: readonly string[]): string {
  const { slices } = seriesOf(study, state.series);
  const window = state.window === null ? 'file' : state.window.name?.toLowerCase() ?? `${state.window.center}/${state.window.width}`;
  const line = `Slice ${state.slice}/${slices}, window ${window}, zoom ${state.zoom.toFixed(1)}, marks ${state.marks.length}.`;
  return `${instruction}\n${line}\nDone: ${done.slice(-remembered).join('; ') || 'nothing'}.`;
}

/** For a model that never learnt the table: it is told. */
export const tableInWords = (): string => [
  'You drive a viewer of medical images, one action at a time. Actions:',
  ...actionNames.map((name) => {
    const { summary, point, text, example } = actionTable[name];
    return `- ${name}: ${summary}. point: ${point ?? 'unused, [-100, -100]'}; input_text: ${text === null ? 'unused, "no input text"' : `${text}${example ? `, as in ${example}` : ''}`}.`;
  }),
  'Points are whole pixels of the picture. Write <think>…</think><action>one sentence</action><tool_call>{"action": NAME, "point": [X, Y], "input_text": TEXT}</tool_call> and nothing else.',
].join('\n');

/** What an action is, in a sentence. */
export const sentences: Readonly<Record<ViewerAction['name'], string>> = {
  scroll_slice: 'Go to another slice.', set_window: 'Set the window.', zoom: 'Zoom in on the lesion.', pan: 'Move the view.', set_level: 'Change the level.', point: 'Mark the place.',
  box: 'Draw a box around it.', measure: 'Measure the width.', select_series: 'Show another series.', undo: 'Take it back.', finish: 'It is done.', answer: 'Answer.',
};
const thoughts: Readonly<Record<ViewerAction['name'], string>> = {
  scroll_slice: 'This is not the slice.', set_window: 'The window is another one.', zoom: 'The lesion is small here.', pan: 'It is at the edge.', set_level: 'The level is another one.',
  point: 'It is here.', box: 'It is here.', measure: 'The lesion is here.', select_series: 'It is another series.', undo: 'That was wrong.', finish: 'All is shown.', answer: 'All is shown.',
};

/** The action in the words of a demonstration. */
export function demonstration(action: ViewerAction, grammar: Grammar): string {
  const [thought, sentence, call] = [thoughts[action.name], sentences[action.name], callOf(action)];
  return grammar === 'mobileR1' ? writeStep({ thought, sentence, call }) : `<think>${thought}</think><answer>${JSON.stringify([call])}</answer>`;
}

/** What is odd about the images that are looked at, until the person has taken note of it. */
import { type ReactElement } from 'react';
import type { SeriesSummary, StudyDetail } from '#electron/contract/library.ts';
import { Icon } from '#renderer/design/Icon.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { useText } from '#renderer/workstation/text.ts';
import { stageOptions } from './stageActions.ts';

export function SeriesNotice({ detail, series }: { readonly detail: StudyDetail; readonly series: SeriesSummary }): ReactElement | null {
  const t = useText();
  const acknowledged = useStore(stageOptions, (options) => options.acknowledged);
  // What concerns the whole study, as whose it is, comes first.
  const lines = [...detail.statements, ...series.statements];
  const id = `${detail.study.id} ${series.id} ${lines.join()}`;
  if (lines.length === 0 || acknowledged.includes(id)) return null;
  const [first, ...more] = lines;
  return (
    <div className="series-notice" role="status" data-notice={lines.length}>
      <Icon name="warning" size={15} />
      <div>{first}{more.length > 0 && <details><summary>{t('stage.moreNotices', { count: more.length })}</summary>{more.map((line) => <p key={line}>{line}</p>)}</details>}</div>
      <button className="text-button" onClick={() => stageOptions.dispatch({ acknowledged: [...acknowledged, id] })}>{t('stage.acknowledge')}</button>
    </div>
  );
}

/** What was tried at an update: the picture as the model saw it, and each completion with its boxes, rewards and the colour of each token. */
import { useState, type ReactElement } from 'react';
import type { ShownCompletion, ShownGroup } from '#electron/contract/finetune.ts';
import { Empty } from '#renderer/design/Empty.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { formatNumber, useText } from '#renderer/workstation/text.ts';
import { rolloutPictureUrl } from '#renderer/workstation/urls.ts';
import { finetune, lookAt } from './finetune.ts';
import { tokenLevel } from './state.ts';

export function Rollouts({ runId }: { readonly runId: string }): ReactElement {
  const t = useText();
  const { rolloutSteps, step, groups, groupAt } = useStore(finetune, (state) => state);
  if (rolloutSteps.length === 0) return <Empty icon="search" title={t('finetune.rolloutsNone')} text={t('finetune.rolloutsNoneText')} />;
  const at = step === null ? -1 : rolloutSteps.indexOf(step);
  const group = groups?.[groupAt];
  const go = (by: number): void => lookAt(rolloutSteps[Math.max(0, Math.min(rolloutSteps.length - 1, (at < 0 ? rolloutSteps.length : at) + by))] as number);
  const toGroup = (by: number) => (): void => finetune.dispatch({ type: 'group', at: groupAt + by });
  return (
    <div className="rollouts">
      <div className="rollout-tools">
        <button className="icon-button" aria-label={t('finetune.earlier')} disabled={at === 0} onClick={() => go(-1)}><Icon name="minus" /></button>
        <label>{t('finetune.step')} <select value={step ?? ''} onChange={(event) => lookAt(Number(event.target.value))}>
          {step === null && <option value="" />}
          {rolloutSteps.map((one) => <option key={one} value={one}>{one}</option>)}
        </select></label>
        <button className="icon-button" aria-label={t('finetune.later')} disabled={at === rolloutSteps.length - 1} onClick={() => go(1)}><Icon name="plus" /></button>
        <span className="grow" />
        {groups && groups.length > 0 && <>
          <button className="text-button" disabled={groupAt === 0} onClick={toGroup(-1)}>{t('finetune.before')}</button>
          <span className="number">{t('finetune.group', { at: groupAt + 1, count: groups.length })}</span>
          <button className="text-button" disabled={groupAt === groups.length - 1} onClick={toGroup(1)}>{t('finetune.after')}</button>
        </>}
      </div>
      {group && step !== null && <Group key={`${step}/${group.at}`} runId={runId} step={step} group={group} />}
    </div>
  );
}

function Group({ runId, step, group }: { readonly runId: string; readonly step: number; readonly group: ShownGroup }): ReactElement {
  const t = useText();
  const [shown, setShown] = useState(0);
  const { size, completions, goldBoxes } = group;
  const names = [...new Set(completions.flatMap(({ rewards }) => Object.keys(rewards)))];
  return (
    <div className="group">
      <div className="group-picture">
        <svg viewBox={`0 0 ${size.width} ${size.height}`} role="img" aria-label={t('finetune.pictureAlt')}>
          <image href={rolloutPictureUrl(runId, step, group.at)} width={size.width} height={size.height} />
          {goldBoxes.map(({ label, box: [x1, y1, x2, y2] }, at) => <rect key={`gold${at}`} className="gold" x={x1} y={y1} width={Math.max(0, x2 - x1)} height={Math.max(0, y2 - y1)}><title>{label}</title></rect>)}
          {completions[shown]?.boxes.map(({ label, box: [x1, y1, x2, y2] }, at) => <rect key={at} className="claimed" data-box="" x={x1} y={y1} width={Math.max(0, x2 - x1)} height={Math.max(0, y2 - y1)}><title>{label}</title></rect>)}
        </svg>
        <p><span className="key gold" />{t('finetune.goldBox')} <span className="key claimed" />{t('finetune.modelBox')}</p>
        <dl>
          <dt>{t('finetune.asked')}</dt><dd>{group.question}</dd>
          <dt>{t('finetune.right')}</dt><dd>{group.answer}</dd>
          <dt>{group.set}</dt><dd>{group.case}</dd>
        </dl>
        <p className="number">{t('finetune.spread', { mean: group.mean === null ? '–' : formatNumber(group.mean, 2), spread: group.spread === null ? '–' : formatNumber(group.spread, 2) })}</p>
        {group.isSilent && <p className="trouble">{t('finetune.silent')}</p>}
      </div>
      <ol className="completions">
        <li className="legend" aria-hidden="true">{t('finetune.legend')}: {(['over9', 'over5', 'over1', 'over01', 'below'] as const).map((name, level) => <span key={name} className="token" data-level={level}>{t(`finetune.${name}`)}</span>)}</li>
        {completions.map((completion, at) => <Completion key={at} completion={completion} names={names} isShown={at === shown} onShow={() => setShown(at)} />)}
      </ol>
    </div>
  );
}

function Completion({ completion, names, isShown, onShow }: { readonly completion: ShownCompletion; readonly names: readonly string[]; readonly isShown: boolean; readonly onShow: () => void }): ReactElement {
  const t = useText();
  const { advantage, reward, rewards, pieces, logprobs, text, correct, finished } = completion;
  return (
    <li className="completion" data-shown={isShown ? '' : undefined} onMouseEnter={onShow}>
      <button className="completion-head number" aria-pressed={isShown} onClick={onShow}>
        <span data-sign={Math.sign(advantage)}>{advantage > 0 ? '+' : ''}{formatNumber(advantage, 2)}</span>
        <span>{t('finetune.rewardColumn')} {reward === null ? '–' : formatNumber(reward, 2)}</span>
        {names.length > 1 && names.map((name) => <span key={name} className="muted">{name} {rewards[name] === null || rewards[name] === undefined ? '–' : formatNumber(rewards[name], 2)}</span>)}
        <span className="muted">{pieces.length} {t('finetune.tokensColumn')}</span>
        <span data-right={correct}>{correct ? '✓' : '✗'}</span>
        {!finished && <span className="muted">{t('finetune.cut')}</span>}
      </button>
      <p className="pieces">{pieces.length > 0 ? pieces.map((piece, at) => <span key={at} className="token" data-level={tokenLevel(logprobs[at] ?? 0)} title={`p ${Math.exp(logprobs[at] ?? 0).toFixed(3)}`}>{piece}</span>) : text}</p>
    </li>
  );
}

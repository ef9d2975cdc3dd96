/** A new run: recipe, cases, model, budget, and what it will take, tried on this machine before it begins. */
import type { ReactElement } from 'react';
import type { DataChoice, Estimate } from '#electron/contract/finetune.ts';
import { Dialog } from '#renderer/design/Dialog.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { bridge } from '#renderer/workstation/bridge.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { formatBytes, formatNumber, useText } from '#renderer/workstation/text.ts';
import { addData, closeWizard, estimatePlan, finetune, startRun } from './finetune.ts';
import { ProgressLine } from './ProgressLine.tsx';
import type { Order } from './state.ts';
import { useDuration } from './useDuration.ts';

export function Wizard(): ReactElement {
  const t = useText();
  const order = useStore(finetune, (state) => state.order);
  return <Dialog isOpen={order !== null} title={t('finetune.wizard.title')} size={720} onClose={closeWizard}>{order && <Body order={order} />}</Dialog>;
}

const numberOrNull = (value: string): number | null => (value === '' || !(Number(value) > 0) ? null : Number(value));

function Body({ order: { choices, plan, estimate, isEstimating, fault } }: { readonly order: Order }): ReactElement {
  const t = useText();
  if (!choices) return <p role="status">{t('finetune.wizard.loading')}</p>;
  const set = (change: Partial<typeof plan>): void => finetune.dispatch({ type: 'plan', change });
  const recipe = choices.recipes.find(({ name }) => name === plan.recipe);
  const data = choices.data.find(({ id }) => id === plan.data);
  const nameOf = ({ kind, name }: DataChoice): string => t(`finetune.wizard.kinds.${kind}`, { name });
  return (
    <form className="wizard" onSubmit={(event) => {
      event.preventDefault();
      void startRun();
    }}>
      <label>{t('finetune.wizard.recipe')}
        <select value={plan.recipe} onChange={(event) => set({ recipe: event.target.value, steps: null })}>
          {choices.recipes.map(({ name, isOwn }) => <option key={name} value={name}>{name}{isOwn ? ` (${t('finetune.wizard.own')})` : ''}</option>)}
        </select>
      </label>
      {recipe && (
        <p className="note">{recipe.source}<br />
          {t('finetune.wizard.about', { count: recipe.stages, learns: recipe.learns.map((how) => t(`finetune.wizard.learns.${how}`)).join(', '), trains: t(`finetune.wizard.trains.${recipe.trains}`) })}
          {recipe.rewards.length > 0 && <><br />{t('finetune.wizard.rewards', { names: recipe.rewards.join(', ') })}</>}
        </p>
      )}
      <label>{t('finetune.wizard.data')}
        <select value={plan.data} onChange={(event) => set({ data: event.target.value })}>
          {choices.data.map((one) => <option key={one.id} value={one.id} disabled={one.problem !== null}>{nameOf(one)}{one.problem === null ? '' : ` — ${one.problem}`}</option>)}
        </select>
      </label>
      <p className="note">{data && t('finetune.wizard.cases', { train: formatNumber(data.train), val: formatNumber(data.val) })}{data?.val === 0 && ` ${t('finetune.wizard.noVal')}`}
        {bridge.surface === 'electron' && <button type="button" className="text-button" onClick={() => void addData()}>{t('finetune.wizard.addData')}</button>}
      </p>
      <label>{t('finetune.wizard.model')}
        {recipe?.needsModel === false ? <span className="fixed">{t('finetune.wizard.scratch')}</span> : (
          <select value={plan.model ?? ''} onChange={(event) => set({ model: event.target.value })}>
            {choices.models.map(({ id, name, isInUse, lineage }) => <option key={id} value={id}>{name}{isInUse ? ` (${t('finetune.inUse')})` : ''}{lineage === null ? '' : ` · ${lineage.slice(0, 8)}`}</option>)}
          </select>
        )}
      </label>
      <fieldset>
        <legend>{t('finetune.wizard.budget')}</legend>
        <label>{t('finetune.wizard.updates')}<input name="steps" type="number" min={1} step={1} value={plan.steps ?? ''} placeholder={t('finetune.wizard.asRecipe', { steps: recipe?.steps ?? 0 })} onChange={(event) => set({ steps: numberOrNull(event.target.value) === null ? null : Math.max(1, Math.round(Number(event.target.value))) })} /></label>
        <label>{t('finetune.wizard.minutes')}<input type="number" min={1} value={plan.minutes ?? ''} placeholder={t('finetune.wizard.noLimit')} onChange={(event) => set({ minutes: numberOrNull(event.target.value) })} /></label>
        <label>{t('finetune.wizard.seed')}<input type="number" min={0} step={1} value={plan.seed} onChange={(event) => set({ seed: Math.max(0, Math.floor(Number(event.target.value) || 0)) })} /></label>
        <label>{t('finetune.wizard.name')}<input type="text" maxLength={80} value={plan.name} placeholder={t('finetune.wizard.nameHint')} onChange={(event) => set({ name: event.target.value })} /></label>
      </fieldset>
      {estimate && <Figures estimate={estimate} />}
      {isEstimating && <ProgressLine runId={null} />}
      {fault && <p role="alert" className="trouble"><strong>{fault.what}</strong> {fault.why} {fault.mend}</p>}
      <div className="wizard-foot">
        <small>{t('finetune.wizard.priority')}</small>
        <button type="button" className="button" disabled={isEstimating} onClick={() => void estimatePlan()}>{t('finetune.wizard.estimate')}</button>
        <button type="submit" className="button" data-primary="" disabled={isEstimating || estimate?.problems.some(({ severity }) => severity === 'error') === true}><Icon name="play" />{t('finetune.wizard.start')}</button>
      </div>
    </form>
  );
}

function Figures({ estimate: { stepSeconds, besideSeconds, totalSeconds, memoryBytes, memoryTotal, diskBytes, diskFree, problems } }: { readonly estimate: Estimate }): ReactElement {
  const t = useText();
  const duration = useDuration();
  return (
    <div className="figures" data-estimate="">
      <dl>
        <dt>{t('finetune.wizard.time')}</dt><dd><strong>{duration(totalSeconds)}</strong><small>{t('finetune.wizard.each', { seconds: stepSeconds.map((seconds) => formatNumber(seconds, 2)).join(' / '), beside: duration(besideSeconds) })}</small></dd>
        <dt>{t('finetune.wizard.memory')}</dt><dd data-bad={memoryBytes > 0.9 * memoryTotal ? '' : undefined}><strong>{formatBytes(memoryBytes)}</strong><small>{t('finetune.wizard.memoryOf', { used: formatBytes(memoryBytes), total: formatBytes(memoryTotal) })}</small></dd>
        <dt>{t('finetune.wizard.disk')}</dt><dd data-bad={diskBytes > diskFree ? '' : undefined}><strong>{formatBytes(diskBytes)}</strong><small>{t('finetune.wizard.diskOf', { used: formatBytes(diskBytes), free: formatBytes(diskFree) })}</small></dd>
      </dl>
      {problems.length === 0 ? <p className="good">{t('finetune.wizard.ready')}</p> : (
        <ul className="alarms">{problems.map(({ severity, where, seen, remedy }, at) => <li key={at} data-severity={severity === 'error' ? 'stop' : 'warning'}><strong>{where}: {seen}</strong><span>{remedy}</span></li>)}</ul>
      )}
    </div>
  );
}

/** One model: what it is, what it was made of, whether it runs here. */
import type { ReactElement } from 'react';
import type { Link, ModelInfo, Parity, RunAdapter, SelfTest } from '#electron/contract/models.ts';
import { Empty } from '#renderer/design/Empty.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { goTo } from '#renderer/workstation/navigation.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { formatBytes, formatDate, formatNumber, useText } from '#renderer/workstation/text.ts';
import { Card } from './Card.tsx';
import { chooseModel, models, quantizeModel, removeModel, testModel, verifyModel } from './models.ts';
import { Trained } from './Trained.tsx';

export function ModelHead({ model }: { readonly model: ModelInfo }): ReactElement {
  const t = useText();
  const busy = useStore(models, (state) => state.busy);
  const isWorking = useStore(models, (state) => state.data?.job != null);
  const own = busy?.modelId === model.id ? busy.what : null;
  return (
    <header className="model-head">
      <div className="model-title">
        <h2>{model.name}</h2>
        <p>{[t(`models.origin.${model.origin}`), model.family && t(`models.family.${model.family}`), model.parameters !== null && t('models.parameters', { count: millions(model.parameters) }), model.precision, formatBytes(model.bytes)].filter(Boolean).join(' · ')}</p>
      </div>
      <span className="grow" />
      {model.isInUse ? <span className="in-use"><Icon name="check" />{t('models.inUse')}</span> : <button className="button" data-primary="" disabled={model.problem !== null} onClick={() => void chooseModel(model.id)}>{t('models.use')}</button>}
      <button className="button" disabled={busy !== null || model.problem !== null} onClick={() => void testModel(model.id)}><Icon name="play" />{own === 'testing' ? t('models.testing') : t('models.test')}</button>
      <button className="button" disabled={busy !== null} onClick={() => void verifyModel(model.id)}><Icon name="shield" />{own === 'verifying' ? t('models.verifying') : t('models.verify')}</button>
      {model.precision?.endsWith('bit') !== true && model.problem === null && (
        <label className="smaller"><span className="visually-hidden">{t('models.quantize')}</span>
          <select value="" disabled={isWorking} onChange={(event) => void quantizeModel(model.id, Number(event.target.value) as 4 | 8)}>
            <option value="" disabled>{t('models.quantize')}</option><option value="4">{t('models.quantize4')}</option><option value="8">{t('models.quantize8')}</option>
          </select>
        </label>
      )}
      {model.origin !== 'built in' && <button className="icon-button" aria-label={t('models.remove')} title={t('models.remove')} disabled={model.isInUse} onClick={() => void removeModel(model.id)}><Icon name="trash" /></button>}
    </header>
  );
}

const millions = (count: number): string => formatNumber(count / 1e6, count < 1e8 ? 1 : 0);

export function About({ model }: { readonly model: ModelInfo }): ReactElement {
  const t = useText();
  const detail = useStore(models, (state) => state.details.get(model.id));
  const verified = useStore(models, (state) => (state.verified?.modelId === model.id ? state.verified : null));
  const { adapter } = model;
  const facts: readonly (readonly [string, string])[] = [
    [t('models.size'), formatBytes(model.bytes)],
    [t('models.precision'), model.precision ?? '–'],
    [t('models.licence'), model.licence ?? t('models.licenceNone')],
    ...(detail?.facts ? [
      [t('models.layers'), t('models.layersValue', { text: detail.facts.layers, vision: detail.facts.visionLayers })],
      [t('models.hidden'), formatNumber(detail.facts.hiddenSize)],
      [t('models.vocabulary'), t('models.tokens', { count: formatNumber(detail.facts.vocabulary) })],
      [t('models.context'), t('models.tokens', { count: formatNumber(detail.facts.maxPositions) })],
      [t('models.sees'), t('models.seesValue', { most: detail.facts.most, patch: detail.facts.patch })],
    ] as const : []),
    ...(model.addedAt === null ? [] : [[t('models.added'), model.addedBy === '' ? formatDate(model.addedAt) : t('models.addedBy', { when: formatDate(model.addedAt), by: model.addedBy })]] as const),
    ...(model.from === null ? [] : [[t('models.from'), model.from]] as const),
    ...(adapter === null ? [] : [[t('models.adapter'), t('models.adapterValue', { rank: adapter.rank, count: adapter.tensors, hash: adapter.sha256.slice(0, 12) })]] as const),
    ...(adapter?.namedBase == null ? [] : [[t('models.namedBase'), adapter.namedBase]] as const),
  ];
  return (
    <div className="about">
      {model.problem && <p role="alert" className="model-trouble"><strong>{t('models.facing')}</strong> {model.problem.what} {model.problem.why} {model.problem.mend}</p>}
      {verified && (verified.problems.some(({ code }) => code === 'lineage.missing') ? <p role="status" className="model-note">{t('models.unnamed')}</p> : verified.problems.length === 0
        ? <p role="status" className="model-good"><Icon name="check" />{t('models.whole')}</p>
        : <div role="alert" className="model-trouble"><strong>{t('models.broken')}</strong><ul>{verified.problems.map(({ message }) => <li key={message}>{message}</li>)}</ul></div>)}
      <section><h3>{t('models.facts')}</h3><dl>{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl></section>
      <section><h3>{t('models.trained')}</h3><Trained key={model.id} model={model} /></section>
      <section><h3>{t('models.selfTest')}</h3>{model.selfTest ? <Tried test={model.selfTest} /> : <p className="model-note">{t('models.untried')}</p>}{model.parity && <Cost parity={model.parity} />}</section>
      <section><h3>{t('models.lineage')}</h3><Lineage chain={model.chain} /></section>
      <section><h3>{t('models.files')}</h3>
        <ul className="model-files">{detail?.files.map(({ name, bytes, sha256 }) => <li key={name}><span>{name}</span><span className="number">{formatBytes(bytes)}</span><code title={sha256 ?? undefined}>{sha256?.slice(0, 12) ?? ''}</code></li>)}</ul>
      </section>
    </div>
  );
}

function Tried({ test }: { readonly test: SelfTest }): ReactElement {
  const t = useText();
  const seconds = (ms: number): string => formatNumber(ms / 1000, 1);
  return (
    <div className="tried" data-passed={test.passed}>
      <p><Icon name={test.passed ? 'check' : 'warning'} /><strong>{t(test.passed ? 'models.passed' : 'models.failed')}</strong> <span>{formatDate(test.at)}</span></p>
      <ul>{test.checks.map(({ name, passed, detail }) => <li key={name} data-passed={passed}><Icon name={passed ? 'check' : 'close'} size={13} /><span>{t(`models.checks.${name}`)}<small>{detail}</small></span></li>)}</ul>
      <p className="model-note">{t('models.speed', { rate: formatNumber(test.tokensPerSecond, 1), first: seconds(test.firstTokenMs), open: seconds(test.openMs), memory: formatBytes(test.memoryBytes), device: test.device })}</p>
      {test.avoided.length > 0 && <p className="model-note">{t('models.avoided', { names: test.avoided.join(', ') })}</p>}
    </div>
  );
}

function Cost({ parity: { prompts, topAgreement, meanDivergence, maxDivergence, bytesBefore, bytesAfter } }: { readonly parity: Parity }): ReactElement {
  const t = useText();
  return (
    <div className="tried"><h3>{t('models.parity')}</h3>
      <p className="model-note">{t('models.parityText', { prompts, agreement: formatNumber(100 * topAgreement, 1), mean: formatNumber(meanDivergence, 4), max: formatNumber(maxDivergence, 4), before: formatBytes(bytesBefore), after: formatBytes(bytesAfter) })}</p>
    </div>
  );
}

/** Base, snapshot, run, weights: from the oldest down. */
export function Lineage({ chain }: { readonly chain: readonly Link[] }): ReactElement {
  const t = useText();
  if (chain.length === 0) return <p className="model-note">{t('models.noLineage')}</p>;
  return (
    <ol className="lineage" aria-label={t('models.lineageText')}>
      {chain.flatMap(({ name, kind, hash, run }, at) => [
        ...(run ? [
          <li key={`${hash}-data`} data-kind="snapshot"><span>{t('models.snapshot', { count: run.cases })}</span><code title={run.snapshot}>{run.snapshot.slice(0, 12)}</code></li>,
          <li key={`${hash}-run`} data-kind="run"><span>{t('models.run', { recipe: run.recipe, step: formatNumber(run.step), seed: run.seed })}</span><code title={run.recipeSha256}>{run.recipeSha256.slice(0, 12)}</code></li>,
        ] : []),
        <li key={hash} data-kind={kind}><span><strong>{name}</strong><small>{kind === 'adapter' ? t('models.adapterKind') : t('models.weights')}{run ? '' : ` · ${t(at === 0 ? 'models.elsewhere' : 'models.rounded')}`}</small></span><code title={hash}>{hash.slice(0, 12)}</code></li>,
      ])}
    </ol>
  );
}

export function RunAdapterView({ run }: { readonly run: RunAdapter }): ReactElement {
  const t = useText();
  return (
    <>
      <header className="model-head"><div className="model-title"><h2>{run.name}</h2><p>{t('models.runTitle')} · {formatBytes(run.bytes)}</p></div><span className="grow" /><button className="button" onClick={() => goTo({ screen: 'finetune' })}><Icon name="train" />{t('models.toRun')}</button></header>
      <div className="about"><p className="model-note">{t('models.runText')}</p><section><h3>{t('models.lineage')}</h3><Lineage chain={run.chain} /></section></div>
    </>
  );
}

export function CardTab({ model }: { readonly model: ModelInfo }): ReactElement {
  const t = useText();
  const card = useStore(models, (state) => state.details.get(model.id)?.card);
  if (card === undefined) return <Empty icon="file" title={t('models.loading')} />;
  return card === null ? <Empty icon="file" title={t('models.noCard')} text={t('models.noCardText')} /> : <Card text={card} />;
}

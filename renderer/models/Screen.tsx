/** Every model of this workstation: which one answers, what each was made of, whether it runs here, and two of them on one picture. */
import { useEffect, useMemo, type ReactElement } from 'react';
import { Empty } from '#renderer/design/Empty.tsx';
import { FaultView } from '#renderer/design/FaultView.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { formatNumber, useText } from '#renderer/workstation/text.ts';
import { Compare } from './Compare.tsx';
import { ImportDialog, JobLine } from './ImportDialog.tsx';
import './models.css';
import { models, openCompare, openImport, reloadModels, selectModel } from './models.ts';
import { About, CardTab, ModelHead, RunAdapterView } from './ModelView.tsx';
import { rowsOf, tabs, type Row, type Tab } from './state.ts';

export function ModelsScreen(): ReactElement {
  const t = useText();
  const { data, fault, selectedId, tab } = useStore(models, (state) => state);
  const rows = useMemo(() => (data ? rowsOf(data) : []), [data]);
  if (fault) return <FaultView fault={fault}><button className="button" onClick={() => void reloadModels()}>{t('models.again')}</button></FaultView>;
  if (!data) return <Empty icon="models" title={t('models.loading')} />;
  const row = rows.find(({ id }) => id === selectedId);
  return (
    <div className="models">
      <aside className="model-list" aria-label={t('models.list')}>
        <div className="model-list-head"><h2>{t('models.title')}</h2><button className="button" data-primary="" onClick={openImport}><Icon name="import" />{t('models.bringIn')}</button></div>
        <ul>{rows.map((one) => <Line key={one.id} row={one} isSelected={one.id === selectedId} />)}</ul>
        {data.job && <JobLine job={data.job} />}
      </aside>
      <section className="model-view" aria-label={row?.model?.name ?? row?.run?.name ?? t('models.title')}>
        {row?.run ? <RunAdapterView run={row.run} /> : row?.model && (
          <>
            <ModelHead model={row.model} />
            <Tabs tab={tab} />
            <div className="model-body" tabIndex={0} role="region" aria-label={t(`models.tabs.${tab}`)}>{tab === 'about' ? <About model={row.model} /> : tab === 'card' ? <CardTab model={row.model} /> : <Compare />}</div>
          </>
        )}
      </section>
      <ImportDialog />
    </div>
  );
}

function Tabs({ tab }: { readonly tab: Tab }): ReactElement {
  const t = useText();
  const show = (name: Tab) => (): void => (name === 'compare' ? void openCompare() : models.dispatch({ type: 'tab', tab: name }));
  return <nav className="model-tabs" aria-label={t('models.title')}>{tabs.map((name) => <button key={name} className="tab" aria-current={name === tab ? 'page' : undefined} onClick={show(name)}>{t(`models.tabs.${name}`)}</button>)}</nav>;
}

function Line({ row, isSelected }: { readonly row: Row; readonly isSelected: boolean }): ReactElement {
  const t = useText();
  const { model, run } = row;
  useEffect(() => {
    if (isSelected) void document.getElementById(`model-${row.id}`)?.scrollIntoView({ block: 'nearest' });
  }, [isSelected, row.id]);
  const meta = model ? [t(`models.origin.${model.origin}`), model.parameters !== null && t('models.parameters', { count: formatNumber(model.parameters / 1e6, model.parameters < 1e8 ? 1 : 0) }), model.precision].filter(Boolean).join(' · ') : t('models.runRow');
  return (
    <li style={{ paddingInlineStart: row.depth * 18 }}>
      <button id={`model-${row.id}`} className="model-line" data-model={row.id} data-depth={row.depth} aria-current={isSelected ? 'true' : undefined} onClick={() => selectModel(row.id)}>
        <span className="model-name">{model?.name ?? run?.name}</span>
        {model?.isInUse === true && <span className="model-tag">{t('models.inUseShort')}</span>}
        {model?.problem != null && <Icon name="warning" />}
        <small>{meta}</small>
      </button>
    </li>
  );
}

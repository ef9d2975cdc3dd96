/** Where images hang: cells of stacks, slides and planes, each with its lines, drawings and the model's marks. */
import { lazy, Suspense, useCallback, useEffect, useMemo, useState, type DragEvent, type ReactElement } from 'react';
import type { WiredFrame } from '#electron/contract/frame.ts';
import type { SeriesSummary } from '#electron/contract/library.ts';
import { patientPlane, type PatientPoint } from '#models/imaging/coordinates.ts';
import { scaleOf, slideScale } from '#models/imaging/measures.ts';
import { cutLine, type PlacedPlane } from '#models/imaging/relations.ts';
import { cutThrough, insideOf, middleOf } from '#models/imaging/volume.ts';
import { Icon } from '#renderer/design/Icon.tsx';
import { FoundLayer } from '#renderer/locate/FoundLayer.tsx';
import { LocatePanel } from '#renderer/locate/Panel.tsx';
import type { CanvasViewport } from '#renderer/viewports/canvasViewport.ts';
import { DrawingLayer } from '#renderer/viewports/DrawingLayer.tsx';
import { calibrationOf, drawings, keyOf, loadDrawings, type Drawing } from '#renderer/viewports/drawings.ts';
import { Lines, type ReferenceLine } from '#renderer/viewports/Lines.tsx';
import { linkOf } from '#renderer/viewports/linking.ts';
import { Overlay, type Mark } from '#renderer/viewports/Overlay.tsx';
import { PlaneView } from '#renderer/viewports/PlaneView.tsx';
import { StackView } from '#renderer/viewports/StackView.tsx';
import type { Viewport } from '#renderer/viewports/viewport.ts';
import { openVolume, type OpenedVolume, type VolumeState } from '#renderer/viewports/volumes.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { formatDate, useText } from '#renderer/workstation/text.ts';
import { AskValue } from './AskValue.tsx';
import { BoxEditor } from './BoxEditor.tsx';
import { DrawingList } from './DrawingList.tsx';
import { layouts, type Cell, type HangingChange } from './hanging.ts';
import { judging } from './judge.ts';
import { judgedMarks, type JudgedMark } from './judging.ts';
import { locatedMarks } from './located.ts';
import { RegionLayer } from './RegionLayer.tsx';
import { moves, review, stage } from './review.ts';
import './stage.css';
import { lookForPriors, offered, stageOptions } from './stageActions.ts';
import { SeriesNotice } from './SeriesNotice.tsx';
import { StageBar } from './StageBar.tsx';
import { currentSeries, currentTrace, litMarks, placeOf, type ReviewState } from './state.ts';

const SlideView = lazy(async () => ({ default: (await import('#renderer/viewports/SlideView.tsx')).SlideView }));

const noMarks: readonly JudgedMark[] = [];
const hang = (change: HangingChange): void => review.dispatch({ type: 'hang', change });
/** What a series of the strip is dragged as. */
export const draggedSeries = 'application/x-loupe-series';

export function Stage({ state }: { readonly state: ReviewState }): ReactElement {
  const { detail, hanging, lit } = state;
  const series = currentSeries(state);
  const trace = currentTrace(state);
  const judgements = useStore(judging, (all) => all.judgements);
  const { traces } = state;
  const all = useMemo(() => (trace ? [...judgedMarks(trace, judgements[trace.id]), ...locatedMarks(traces, trace.id, judgements)] : noMarks), [trace, judgements, traces]);
  const frameId = series?.frames[state.frameAt]?.id;
  const litIds = litMarks(all, lit);
  const isListShown = useStore(stageOptions, (options) => options.isListShown);
  const prior = useStore(offered, (study) => study);
  const [asked, setAsked] = useState<Drawing | null>(null);
  const volume = useVolume(hanging.layout === 'mpr' ? series : undefined);

  // A step that points at another image brings that image up.
  useEffect(() => {
    const target = lit?.kind === 'step' ? all.find(({ id }) => litIds.has(id)) : undefined;
    if (!target || !detail || target.frameId === frameId) return;
    const place = placeOf(detail, target.frameId);
    if (!place) return;
    review.dispatch({ type: 'series', at: place.seriesAt });
    review.dispatch({ type: 'frame', at: place.frameAt });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only a new choice turns the page, not the turning itself
  }, [lit]);
  const studyId = detail?.study.id;
  useEffect(() => {
    if (studyId === undefined) return;
    void loadDrawings(studyId);
    void lookForPriors();
  }, [studyId]);
  const priorIds = Object.values(state.priors).map(({ id }) => id).join();
  useEffect(() => {
    for (const id of new Set(priorIds.split(',').filter((one) => one !== ''))) void loadDrawings(id);
  }, [priorIds]);
  // The crosshair is MPR's own tool: it comes and goes with it.
  const isPlanes = hanging.layout === 'mpr';
  useEffect(() => {
    if (isPlanes) drawings.dispatch({ type: 'tool', tool: 'crosshair' });
    else if (drawings.get().tool === 'crosshair') drawings.dispatch({ type: 'tool', tool: 'window' });
  }, [isPlanes]);

  if (!series || !detail) return <div className="stage" />;
  const [rows, columns] = hanging.isMaximised ? [1, 1] : layouts[hanging.layout];
  return (
    <div className="stage" data-study-id={detail.study.id}>
      <StageBar state={state} prior={prior} isListShown={isListShown} onList={() => stageOptions.dispatch({ isListShown: !isListShown })} />
      <SeriesNotice detail={detail} series={series} />
      <div className="cells" data-layout={hanging.layout} style={{ gridTemplateRows: `repeat(${rows}, minmax(0, 1fr))`, gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}>
        {hanging.cells.map((cell, at) => (hanging.isMaximised && at !== hanging.activeAt ? null : (
          <CellFrame key={at} at={at} cell={cell} state={state}>
            {cell && <CellContent key={`${cell.kind}:${cell.seriesId}:${cell.kind === 'plane' ? cell.plane : ''}`} at={at} cell={cell} state={state} marks={all} volume={volume} onAsk={setAsked} />}
          </CellFrame>
        )))}
      </div>
      {isListShown && <DrawingList />}
      <LocatePanel />
      {asked && <AskValue key={asked.annotation.id} drawing={asked} onDone={() => setAsked(null)} />}
    </div>
  );
}

function useVolume(series: SeriesSummary | undefined): VolumeState | null {
  const [volume, setVolume] = useState<VolumeState | null>(null);
  useEffect(() => {
    if (!series) return undefined;
    const end = openVolume(series, (next) => {
      stage.grid = next.kind === 'open' ? next.volume.grid : null;
      setVolume(next);
    });
    return () => {
      end();
      stage.grid = null;
      setVolume(null);
    };
  }, [series]);
  return volume;
}

interface CellFrameProps {
  readonly at: number;
  readonly cell: Cell | null;
  readonly state: ReviewState;
  readonly children: React.ReactNode;
}

function CellFrame({ at, cell, state: { hanging, detail, seriesAt }, children }: CellFrameProps): ReactElement {
  const t = useText();
  const [isOver, setOver] = useState(false);
  const isActive = at === hanging.activeAt;
  const activeSeries = detail?.series[seriesAt];
  const own = detail?.series.find(({ id }) => id === cell?.seriesId);
  const link = hanging.isLinked && !isActive && own && activeSeries && own.id !== activeSeries.id && cell?.kind === 'stack' && !own.slide ? linkOf(activeSeries, own, hanging.hand) : null;
  const drag = (event: DragEvent): boolean => {
    if (!event.dataTransfer.types.includes(draggedSeries)) return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  return (
    <section
      className="cell" data-cell={at} data-active={(isActive && hanging.cells.length > 1) || undefined} data-over={isOver || undefined} aria-current={isActive}
      onPointerDownCapture={() => (cell ? hang({ type: 'activate', at }) : undefined)}
      onDoubleClick={(event) => {
        // The viewport itself where it took hold of the pointer.
        if (own && !own.slide && event.target instanceof Element && event.target.matches('canvas, .viewport')) hang({ type: 'maximise', at });
      }}
      onDragEnter={(event) => (drag(event) ? setOver(true) : undefined)} onDragOver={drag} onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        if (!drag(event)) return;
        setOver(false);
        hang({ type: 'place', at, seriesId: event.dataTransfer.getData(draggedSeries) });
      }}
    >
      {children ?? <button className="empty-cell" onClick={() => (activeSeries ? hang({ type: 'place', at, seriesId: activeSeries.id }) : undefined)}>{t('stage.dropHere')}</button>}
      {link && <span className="link-mark" data-link={link} title={t(`stage.linkKind.${link}`)} aria-label={t(`stage.linkKind.${link}`)} role="img"><Icon name={link === 'none' ? 'unlink' : link === 'lines' ? 'planes' : 'link'} size={13} />{link === 'hand' && <Icon name="hand" size={12} />}</span>}
    </section>
  );
}

interface CellContentProps {
  readonly at: number;
  readonly cell: Cell;
  readonly state: ReviewState;
  readonly marks: readonly JudgedMark[];
  readonly volume: VolumeState | null;
  readonly onAsk: (drawing: Drawing) => void;
}

function CellContent({ at, cell, state, marks: all, volume, onAsk }: CellContentProps): ReactElement | null {
  const t = useText();
  const [viewport, setViewport] = useState<Viewport | null>(null);
  const [canvas, setCanvas] = useState<CanvasViewport | null>(null);
  const [frame, setFrame] = useState<WiredFrame | null>(null);
  const { tool } = useStore(drawings, (one) => one);
  const drawn = useStore(drawings, (one) => one.all);
  const boxId = useStore(judging, (one) => one.boxId);
  const { areChannelsListed, isListShown } = useStore(stageOptions, (options) => options);
  const { detail, hanging, looks, channels, lit, areMarksShown, priors } = state;
  const isActive = at === hanging.activeAt;
  // The actions of keys and menus are about the active cell.
  useEffect(() => {
    if (!canvas) return undefined;
    stage.cells.set(at, canvas);
    return () => void stage.cells.delete(at);
  }, [at, canvas]);
  // As it was left, once; and from then on whoever keeps where it lies hears of each move.
  useEffect(() => {
    if (!viewport) return undefined;
    const left = stage.views.get(at);
    if (left && viewport === canvas) canvas.setView(left);
    stage.views = new Map([...stage.views].filter(([cell]) => cell !== at));
    return viewport.onViewChange(() => moves.dispatch(1));
  }, [at, viewport, canvas]);
  useEffect(() => {
    if (!isActive || !canvas) return undefined;
    stage.canvas = canvas;
    stage.slide = null;
    return () => {
      if (stage.canvas === canvas) stage.canvas = null;
    };
  }, [isActive, canvas]);
  useEffect(() => {
    if (isActive && frame) stage.header = frame.header;
  }, [isActive, frame]);
  const onCanvas = useCallback((made: CanvasViewport | null) => {
    setCanvas(made);
    setViewport(made);
  }, []);

  const series = detail?.series.find(({ id }) => id === cell.seriesId);
  if (!detail || !series) return null;
  const study = priors[series.id] ?? detail.study;
  const isPrior = series.id in priors;
  const frameAt = cell.kind === 'stack' ? (isActive ? state.frameAt : cell.frameAt) : 0;
  const frameId = series.frames[frameAt]?.id ?? '';
  const litIds = litMarks(all, lit);
  const marks: readonly Mark[] = all.filter((mark) => mark.frameId === frameId).map(({ id, box, label, colour, steps, ...mark }) => ({ id, box, label: 'origin' in mark ? t('review.secondLabel', { label }) : label, colour, number: steps[0] === undefined ? null : steps[0] + 1 }));
  const [firstLit = null] = litIds;
  const corner = {
    topLeft: [study.patient || study.description, [study.patientId, study.sex ?? ''].filter((part) => part !== '').join(' · ')].filter((line) => line !== ''),
    topRight: [...(isPrior ? [t('stage.isPrior')] : []), ...(keyOf(drawn, frameId) ? [`★ ${t('stage.tool.key')}`] : []), series.description, formatDate(study.date), study.isSample ? 'Synthetic sample' : ''].filter((line) => line !== ''),
  };
  const look = looks[series.id] ?? null;
  const onLook = (next: ReviewState['looks'][string]): void => {
    if (!isActive) hang({ type: 'activate', at });
    review.dispatch({ type: 'look', look: next });
  };
  const overlay = viewport && areMarksShown && marks.length > 0 && (
    <Overlay
      viewport={viewport} marks={marks} litId={firstLit}
      onHover={(id) => review.dispatch({ type: 'lit', lit: id === null ? null : { kind: 'mark', id } })}
      onChoose={(id) => {
        const [step] = all.find((mark) => mark.id === id)?.steps ?? [];
        if (step !== undefined) document.getElementById(`step-${step}`)?.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
        review.dispatch({ type: 'lit', lit: { kind: 'mark', id } });
        judging.dispatch({ type: 'box', id });
      }}
    />
  );
  const trace = currentTrace(state);
  const own = all.filter((mark) => mark.frameId === frameId);
  const editor = viewport && trace && areMarksShown && <BoxEditor viewport={viewport} trace={trace} frameId={frameId} marks={own} chosenId={boxId} />;
  const foundLayer = viewport && cell.kind !== 'plane' && <FoundLayer viewport={viewport} frameId={frameId} />;
  const region = viewport && cell.kind !== 'plane' && <RegionLayer viewport={viewport} frameId={frameId} />;
  if (series.slide) {
    return (
      <Suspense fallback={null}>
        <SlideView slide={series.slide} tool={tool} corner={corner} channels={channels[series.id] ?? null} areChannelsListed={areChannelsListed && !isListShown} onChannels={(next) => review.dispatch({ type: 'channels', channels: next })} onViewport={(made) => {
          if (made) {
            stage.canvas = null;
            stage.header = null;
            if (stage.slideRegion) made.show(stage.slideRegion);
            stage.slideRegion = null;
          }
          stage.slide = made;
          setViewport(made);
        }}>
          {overlay}
          {viewport && <DrawingLayer viewport={viewport} studyId={study.id} frameId={frameId} scale={slideScale(series.slide.mpp)} frame={null} onAsk={onAsk} />}
          {editor}
          {foundLayer}
          {region}
        </SlideView>
      </Suspense>
    );
  }
  if (cell.kind === 'plane') {
    if (!volume || volume.kind === 'loading') return <div className="cell-note"><p>{t('stage.loadingVolume')}</p><div className="track"><div style={{ width: `${Math.round((volume?.share ?? 0) * 100)}%` }} /></div></div>;
    if (volume.kind === 'refused') return <div className="cell-note" role="alert"><strong>{t('stage.noVolume')}</strong><p>{volume.why}</p></div>;
    const { volume: opened } = volume;
    return (
      <PlaneView
        volume={opened} plane={cell.plane} label={t(`stage.planes.${cell.plane}`)} place={hanging.crosshair ?? middleOf(opened.grid)} look={look} tool={tool === 'window' || tool === 'pan' || tool === 'zoom' ? tool : 'crosshair'} corner={corner}
        onPlace={(place) => hang({ type: 'crosshair', place: insideOf(opened.grid, place) })} onLook={onLook} onFrame={setFrame} onViewport={onCanvas}
      />
    );
  }
  const geometry = frame?.header.id === frameId ? frame.header : null;
  const calibration = geometry ? calibrationOf(drawn, frameId, geometry.aspect) : null;
  return (
    <StackView
      series={series} index={frameAt} look={look} tool={tool === 'crosshair' ? 'window' : tool} calibration={calibration} corner={corner}
      onIndex={(next) => {
        // Scrolling a cell needs no click on it before.
        if (!isActive) hang({ type: 'activate', at });
        review.dispatch({ type: 'frame', at: next });
      }}
      onLook={onLook} onFrame={setFrame} onViewport={onCanvas}
    >
      {viewport && <Lines viewport={viewport} lines={linesOn(series, frameAt, at, state, volume?.kind === 'open' ? volume.volume : null, hanging.crosshair, t)} />}
      {overlay}
      {viewport && geometry && <DrawingLayer viewport={viewport} studyId={study.id} frameId={frameId} scale={scaleOf(geometry.geometry, geometry.modality, calibration)} frame={frame} onAsk={onAsk} />}
      {editor}
      {foundLayer}
      {region}
    </StackView>
  );
}

/** Where what the other cells show cuts this frame. */
function linesOn(series: SeriesSummary, frameAt: number, at: number, { hanging, detail }: ReviewState, volume: OpenedVolume | null, crosshair: PatientPoint | null, t: (key: string) => string): readonly ReferenceLine[] {
  const on = placedFrame(series, frameAt);
  if (!on || !detail || (hanging.cells.length < 2)) return [];
  return hanging.cells.flatMap((cell, other): ReferenceLine[] => {
    if (other === at || !cell) return [];
    const isActive = other === hanging.activeAt;
    if (cell.kind === 'plane') {
      if (!volume || !crosshair) return [];
      const { plane, size } = cutThrough(volume.grid, cell.plane, crosshair);
      const ends = cutLine(on, { plane, size });
      return ends ? [{ id: cell.plane, ends, label: t(`stage.planes.${cell.plane}`), isActive, tone: cell.plane }] : [];
    }
    const shown = detail.series.find(({ id }) => id === cell.seriesId);
    if (!shown || shown.frameOfReference === null || shown.frameOfReference !== series.frameOfReference) return [];
    const placed = placedFrame(shown, cell.frameAt);
    const ends = placed && cutLine(on, placed);
    return ends ? [{ id: `${other}`, ends, label: String(cell.frameAt + 1), isActive, tone: '' }] : [];
  });
}

function placedFrame({ frames }: SeriesSummary, at: number): PlacedPlane | null {
  const frame = frames[at];
  const plane = frame && patientPlane(frame.geometry);
  return frame && plane ? { plane, size: { width: frame.columns, height: frame.rows } } : null;
}

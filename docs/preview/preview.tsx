// Draws a dashboard's JSON with the data of data.js: window.PREVIEW = {dashboard, results, annotations}.
import {
  applyFieldOverrides, createTheme, dateTime, FieldConfigOptionsRegistry, FieldType, getFieldDisplayValues,
  identityOverrideProcessor, standardFieldConfigEditorRegistry, ThemeContext, toDataFrame, type DataFrame,
} from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import {
  BarGauge, BarGaugeDisplayMode, BigValue, BigValueTextMode, GlobalStyles,
  LegendDisplayMode, Table, TimeSeries, type UPlotConfigBuilder,
} from '@grafana/ui';
import { createRoot } from 'react-dom/client';
import 'uplot/dist/uPlot.min.css';

type Series = { metric: Record<string, string>; values: Array<[number, string]>; legend: string };
type Panel = any;
type Annotation = { name: string; color: string; times: number[] };
const { dashboard, results, annotations } = (window as any).PREVIEW as {
  dashboard: any; results: Record<string, Series[]>; annotations: Annotation[];
};
// What the dashboards set by field; a Grafana server registers these and many more.
const property = (id: string, isCustom = false) => ({
  id: isCustom ? `custom.${id}` : id, path: id, name: id, isCustom, editor: () => null, override: () => null, settings: {},
  process: identityOverrideProcessor, shouldApply: () => true,
});
const properties = ['unit', 'min', 'max', 'color', 'mappings', 'thresholds', 'displayName'].map((id) => property(id));
standardFieldConfigEditorRegistry.setInit(() => properties as any);
const registry = new FieldConfigOptionsRegistry(() => [...properties, ...['hidden', 'cellOptions'].map((id) => property(id, true))] as any);
const theme = createTheme({ colors: { mode: 'light' } });
const CELL = 46, ROW = 34, GAP = 8;

function named(series: Series): string {
  return series.legend.replace(/{{(\w+)}}/g, (_, label) => series.metric[label] ?? '') || 'value';
}

function framesOf(panel: Panel): DataFrame[] {
  const found = results[panel.id] ?? [];
  if (panel.type === 'table' && found.length) {
    const labels = [...new Set(found.flatMap((s) => Object.keys(s.metric)))];
    return [toDataFrame({ fields: [
      { name: 'Time', type: FieldType.time, values: found.map((s) => s.values.at(-1)![0] * 1000) },
      ...labels.map((name) => ({ name, type: FieldType.string, values: found.map((s) => s.metric[name] ?? '') })),
      { name: 'Value', type: FieldType.number, values: found.map((s) => Number(s.values.at(-1)![1])) },
    ] })];
  }
  return found.map((s) => toDataFrame({ fields: [
    { name: 'time', type: FieldType.time, values: s.values.map(([t]) => t * 1000) },
    { name: named(s), type: FieldType.number, values: s.values.map(([, v]) => Number(v)) },
  ] }));
}

function drawn(panel: Panel): DataFrame[] {
  const { defaults, overrides = [] } = panel.fieldConfig;
  const thresholdsStyle = { mode: defaults.thresholds.steps.length > 1 ? 'dashed+area' : 'off' };
  const lines = { drawStyle: 'line', lineWidth: 2, fillOpacity: 8, showPoints: 'auto', thresholdsStyle };
  const color = { mode: panel.type === 'timeseries' ? 'palette-classic' : 'thresholds' };
  const custom = panel.type === 'timeseries' ? lines : { align: 'left' };
  return applyFieldOverrides({
    data: framesOf(panel), theme, replaceVariables: (text) => text, fieldConfigRegistry: registry,
    fieldConfig: { defaults: { color, custom, ...defaults }, overrides },
  });
}

// @grafana/ui has no state timeline: bars in the colours and words that its display processors give.
function Timeline({ data, width, height }: { data: DataFrame[]; width: number; height: number }) {
  const times = data.flatMap((f) => f.fields[0].values as number[]);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const label = 150, row = Math.min(24, height / data.length), scale = (width - label) / Math.max(1, last - first);
  return <div style={{ fontSize: Math.min(12, row - 4) }}>
    {data.map((frame, place) => <div key={place} style={{ display: 'flex', height: row, alignItems: 'center' }}>
      <div style={{ width: label, overflow: 'hidden', whiteSpace: 'nowrap' }}>{frame.fields[1].name}</div>
      <div style={{ position: 'relative', flex: 1, height: row - 3 }}>
        {changes(frame).map(({ from, to, value }) => {
          const shown = frame.fields[1].display!(value);
          return <div key={from} title={shown.text} style={{ position: 'absolute', left: (from - first) * scale, width: Math.max(2, (to - from) * scale),
            height: '100%', background: shown.color, color: '#fff', overflow: 'hidden', paddingLeft: 3 }}>{shown.text}</div>;
        })}
      </div>
    </div>)}
  </div>;
}

function changes(frame: DataFrame): Array<{ from: number; to: number; value: number }> {
  const found: Array<{ from: number; to: number; value: number }> = [];
  const [times, values] = frame.fields.map((f) => f.values as number[]);
  times.forEach((time, place) => {
    const last = found.at(-1);
    if (last) {
      last.to = time;
    }
    if (last?.value !== values[place]) {
      found.push({ from: time, to: time, value: values[place] });
    }
  });
  return found;
}

// Vertical lines where something happened, as Grafana's own plug-in draws annotations.
function annotate(builder: UPlotConfigBuilder) {
  builder.addHook('draw', (plot) => annotations.forEach(({ color, times }) => times.forEach((time) => {
    const x = plot.valToPos(time * 1000, 'x', true), { left, top, width, height } = plot.bbox;
    if (x < left || x > left + width) {
      return;
    }
    plot.ctx.save();
    plot.ctx.strokeStyle = color;
    plot.ctx.setLineDash([5, 5]);
    plot.ctx.beginPath();
    plot.ctx.moveTo(x, top);
    plot.ctx.lineTo(x, top + height);
    plot.ctx.stroke();
    plot.ctx.restore();
  })));
  return null;
}

function Body({ panel, width, height }: { panel: Panel; width: number; height: number }) {
  const data = drawn(panel);
  if (!data.length || !data[0].length) {
    return <div className="nodata">No data</div>;
  }
  if (panel.type === 'table') {
    const fields = data[0].fields.filter((field) => !field.config.custom?.hidden);
    return <Table data={{ ...data[0], fields }} width={width} height={height} columnMinWidth={80} />;
  }
  if (panel.type === 'state-timeline') {
    return <Timeline data={data} width={width} height={height} />;
  }
  if (panel.type === 'timeseries') {
    const times = data.flatMap((f) => f.fields[0].values as number[]);
    const range = { from: dateTime(Math.min(...times) - 1000), to: dateTime(Math.max(...times) + 1000) };
    return <TimeSeries frames={data} width={width} height={height} timeZone="utc" timeRange={{ ...range, raw: range }}
      legend={{ displayMode: LegendDisplayMode.List, placement: 'bottom', showLegend: true, calcs: [] }}>
      {annotate}
    </TimeSeries>;
  }
  const values = getFieldDisplayValues({
    data, theme, fieldConfig: panel.fieldConfig, replaceVariables: (text) => text, reduceOptions: { calcs: ['lastNotNull'] },
  });
  const each = panel.type === 'stat' ? { width: width / values.length, height } : { width, height: height / values.length };
  return <div style={{ display: 'flex', flexDirection: panel.type === 'stat' ? 'row' : 'column' }}>
    {values.map((value, place) => panel.type === 'stat'
      ? <BigValue key={place} value={value.display} {...each} theme={theme} colorMode={panel.options.colorMode}
          graphMode={panel.options.graphMode} textMode={panel.options.textMode === 'auto' && values.length > 1 ? BigValueTextMode.ValueAndName : panel.options.textMode} />
      : <BarGauge key={place} value={value.display} field={value.field} display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 1)}
          {...each} theme={theme} text={{ titleSize: 12, valueSize: 14 }} orientation={'horizontal' as any} displayMode={BarGaugeDisplayMode.Gradient} />)}
  </div>;
}

function Dashboard() {
  return <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <h3 style={{ margin: GAP }}>{dashboard.title}
      {annotations.map(({ name, color }) => <small key={name} style={{ color, marginLeft: 16 }}>┆ {name}</small>)}
    </h3>
    <div style={{ position: 'relative', height: Math.max(...dashboard.panels.map((p: Panel) => p.gridPos.y + p.gridPos.h)) * ROW + 40 }}>
      {dashboard.panels.map((panel: Panel) => {
        const { x, y, w, h } = panel.gridPos;
        const width = w * CELL - GAP, height = h * ROW - GAP;
        return <section key={panel.id} style={{ position: 'absolute', left: x * CELL + GAP, top: y * ROW, width, height, background: '#fff', border: '1px solid #ddd', padding: 4, overflow: 'hidden' }}>
          <div style={{ fontSize: 12, fontWeight: 500 }} title={panel.description}>{panel.title}</div>
          <Body panel={panel} width={width - 10} height={height - 30} />
        </section>;
      })}
    </div>
  </ThemeContext.Provider>;
}

void initPluginTranslations('preview').then(() => {
  createRoot(document.getElementById('root')!).render(<Dashboard />);
  requestAnimationFrame(() => requestAnimationFrame(() => document.body.setAttribute('data-drawn', 'yes')));
});

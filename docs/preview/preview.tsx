// Draws a dashboard's JSON with the data of data.js: window.PREVIEW = {dashboard, results}.
import {
  createTheme, dateTime, FieldType, getDisplayProcessor, getFieldDisplayValues, ThemeContext, toDataFrame, type DataFrame,
} from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import {
  BarGauge, BarGaugeDisplayMode, BigValue, BigValueColorMode, BigValueGraphMode, BigValueTextMode, GlobalStyles,
  LegendDisplayMode, Table, TimeSeries,
} from '@grafana/ui';
import { createRoot } from 'react-dom/client';
import 'uplot/dist/uPlot.min.css';

type Series = { metric: Record<string, string>; values: Array<[number, string]>; legend: string };
type Panel = any;
const { dashboard, results } = (window as any).PREVIEW as { dashboard: any; results: Record<string, Series[]> };
const theme = createTheme({ colors: { mode: 'light' } });
const CELL = 46, ROW = 34, GAP = 8;

function named(series: Series): string {
  return series.legend.replace(/{{(\w+)}}/g, (_, label) => series.metric[label] ?? '') || 'value';
}

function framesOf(panel: Panel): DataFrame[] {
  const found = results[panel.id] ?? [];
  if (panel.type === 'table') {
    const labels = [...new Set(found.flatMap((s) => Object.keys(s.metric)))].filter((l) => !/^(__name__|instance|job|location)$/.test(l));
    return [toDataFrame({ fields: [
      ...labels.map((name) => ({ name, type: FieldType.string, values: found.map((s) => s.metric[name] ?? '') })),
      { name: 'state', type: FieldType.string, values: found.map((s) => s.values.at(-1)![1]) },
    ] })];
  }
  return found.map((s) => toDataFrame({ fields: [
    { name: 'time', type: FieldType.time, values: s.values.map(([t]) => t * 1000) },
    { name: named(s), type: FieldType.number, config: { displayName: named(s) }, values: s.values.map(([, v]) => Number(v)) },
  ] }));
}

function drawn(panel: Panel): DataFrame[] {
  const limits = panel.fieldConfig.defaults.thresholds.steps.length > 1;
  const thresholdsStyle = { mode: limits ? 'dashed+area' : 'off' };
  const lines = { drawStyle: 'line', lineWidth: 2, fillOpacity: 8, showPoints: 'auto', thresholdsStyle };
  const lasting = panel.type === 'timeseries' || panel.type === 'state-timeline';
  const color = { mode: lasting ? 'palette-classic' : 'thresholds' };
  const frames = framesOf(panel);
  frames.forEach((frame, place) => frame.fields.forEach((field) => {
    // Grafana's server sets these from the same defaults.
    const numeric = field.type === FieldType.number;
    field.config = { ...(numeric ? panel.fieldConfig.defaults : {}), ...field.config, color, custom: lasting ? lines : {} };
    field.config.thresholds ??= panel.fieldConfig.defaults.thresholds;
    field.state = { ...field.state, seriesIndex: place };
    field.display = getDisplayProcessor({ field, theme });
  }));
  return frames;
}

function Body({ panel, width, height }: { panel: Panel; width: number; height: number }) {
  const data = drawn(panel);
  if (!data.length || !data[0].length) {
    return <div className="nodata">No data</div>;
  }
  if (panel.type === 'table') {
    return <Table data={data[0]} width={width} height={height} />;
  }
  if (panel.type === 'timeseries' || panel.type === 'state-timeline') {
    const times = data.flatMap((f) => f.fields[0].values as number[]);
    const range = { from: dateTime(Math.min(...times) - 1000), to: dateTime(Math.max(...times) + 1000) };
    return <TimeSeries frames={data} width={width} height={height} timeZone="utc" timeRange={{ ...range, raw: range }}
      legend={{ displayMode: LegendDisplayMode.List, placement: 'bottom', showLegend: true, calcs: [] }} />;
  }
  const values = getFieldDisplayValues({
    data, theme, fieldConfig: panel.fieldConfig, replaceVariables: (text) => text, reduceOptions: { calcs: ['lastNotNull'] },
  });
  const each = panel.type === 'stat' ? { width: width / values.length, height } : { width, height: height / values.length };
  return <div style={{ display: 'flex', flexDirection: panel.type === 'stat' ? 'row' : 'column' }}>
    {values.map((value, place) => panel.type === 'stat'
      ? <BigValue key={place} value={value.display} {...each} theme={theme} colorMode={BigValueColorMode.Background}
          graphMode={BigValueGraphMode.None} textMode={/version/.test(value.display.title ?? '') ? BigValueTextMode.Name : BigValueTextMode.Auto} />
      : <BarGauge key={place} value={value.display} field={value.field} display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 1)}
          {...each} theme={theme} text={{ titleSize: 12, valueSize: 14 }} orientation={'horizontal' as any} displayMode={BarGaugeDisplayMode.Gradient} />)}
  </div>;
}

function Dashboard() {
  return <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <h3 style={{ margin: GAP }}>{dashboard.title}</h3>
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

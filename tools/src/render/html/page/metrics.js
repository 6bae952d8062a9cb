// Curves of the numbers that were saved with the checkpoints.

const drawMetric = () => {
  const section = byId('metrics');
  section.hidden = data.metrics.length === 0;
  if (section.hidden) return;
  const metric = data.metrics[Number(byId('metric').value)];
  const points = metric.values.map((value, i) => [metric.labels[i], value]);
  const width = Math.max(300, Math.min(1240, byId('metric-chart').clientWidth || 1100));
  const shown = data.checkpoints[state.checkpoint].label;
  put(byId('metric-chart'), curveChart({
    label: metric.name, points, width, height: 210,
    logarithmic: byId('logarithmic').checked,
    now: metric.labels.indexOf(shown),
    onChoose: (i) => {
      const k = data.checkpoints.findIndex((checkpoint) => checkpoint.label === metric.labels[i]);
      if (k >= 0) chooseCheckpoint(k);
    },
  }));
};

const startMetrics = () => {
  put(byId('metric'), data.metrics.map((metric, i) => el('option', { value: i }, metric.name)));
  // A loss is what people look for; a step only counts.
  const wanted = data.metrics.findIndex((metric) => /loss/i.test(metric.name));
  const other = data.metrics.findIndex((metric) => !/^(.*\.)?(step|epoch|iteration)s?$/i.test(metric.name));
  byId('metric').value = String(Math.max(wanted >= 0 ? wanted : other, 0));
  byId('metric').addEventListener('change', drawMetric);
  byId('logarithmic').addEventListener('change', drawMetric);
};


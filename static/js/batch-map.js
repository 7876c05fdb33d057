// Draws every report of a batch as one small cell. Each state has a shape of its own, so that colour is not needed:
// queued a dot, running a ring, done a full square, failed a cross, cancelled a bar.

const COLOURS = {
  queued: "--queued",
  running: "--running",
  succeeded: "--succeeded",
  failed: "--failed",
  cancelled: "--cancelled",
};

/** Draw `states` on `canvas`, whose width is given and whose height follows; `room` keeps that height on the page. */
export function drawMap(canvas, states, room) {
  const { cell, columns, rows } = layout(canvas, states.length);
  if (states.length && room.textContent.length !== states.length) {
    room.textContent = "x".repeat(states.length);
    room.className = `batch-map__room batch-map__room--${cell}`;
  }
  const scale = window.devicePixelRatio || 1;
  const width = canvas.parentElement.clientWidth;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(rows * cell * scale);
  canvas.style.height = `${rows * cell}px`;
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  const colours = coloursOf(canvas);
  states.forEach((state, index) => {
    const x = (index % columns) * cell;
    const y = Math.floor(index / columns) * cell;
    drawCell(context, state, x, y, cell, colours[state]);
  });
}

// A token such as light-dark(…) means something only as the colour of an element.
function coloursOf(canvas) {
  const colours = {};
  for (const [state, name] of Object.entries(COLOURS)) {
    canvas.style.color = `var(${name})`;
    colours[state] = getComputedStyle(canvas).color;
  }
  canvas.style.color = "";
  return colours;
}

/** Index of the cell under a pointer event. */
export function positionAt(canvas, event, count) {
  const { cell, columns } = layout(canvas, count);
  const column = Math.floor(event.offsetX / cell);
  return column < columns ? Math.floor(event.offsetY / cell) * columns + column : -1;
}

function layout(canvas, count) {
  const width = canvas.parentElement.clientWidth;
  const cell = count > 2000 ? 8 : count > 500 ? 11 : 14;
  const columns = Math.max(1, Math.floor(width / cell));
  return { cell, columns, rows: Math.ceil(count / columns) };
}

function drawCell(context, state, x, y, cell, colour) {
  const gap = cell > 10 ? 2 : 1;
  const size = cell - gap;
  const middle = size / 2;
  context.fillStyle = colour;
  context.strokeStyle = colour;
  context.lineWidth = Math.max(1.25, cell / 7);
  context.beginPath();
  if (state === "succeeded") {
    context.roundRect(x, y, size, size, cell / 5);
    context.fill();
  } else if (state === "failed") {
    const inset = size * 0.15;
    context.moveTo(x + inset, y + inset);
    context.lineTo(x + size - inset, y + size - inset);
    context.moveTo(x + size - inset, y + inset);
    context.lineTo(x + inset, y + size - inset);
    context.stroke();
  } else if (state === "running") {
    context.arc(x + middle, y + middle, middle - context.lineWidth / 2, 0, 2 * Math.PI);
    context.stroke();
  } else if (state === "cancelled") {
    context.fillRect(x + size * 0.1, y + middle - context.lineWidth / 2, size * 0.8, context.lineWidth);
  } else {
    context.arc(x + middle, y + middle, Math.max(1, size / 6), 0, 2 * Math.PI);
    context.fill();
  }
}

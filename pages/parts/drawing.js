// A sheet of paper: strokes by mouse, pen or finger. Each finished stroke hands the whole sheet over as a PNG.

const sheets = new WeakMap()

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const canvas = parentElement.querySelector("canvas")
  const [undo, clear] = parentElement.querySelectorAll("button")
  canvas.setAttribute("aria-label", data.label)
  // A rerun calls this again: the sheet and its strokes stay.
  if (!sheets.has(parentElement)) sheets.set(parentElement, { strokes: [] })
  const sheet = sheets.get(parentElement)
  const paper = canvas.getContext("2d")

  const redraw = () => {
    paper.fillStyle = "white"
    paper.fillRect(0, 0, canvas.width, canvas.height)
    paper.strokeStyle = paper.fillStyle = "#222"
    paper.lineCap = paper.lineJoin = "round"
    for (const { width, points } of sheet.strokes) {
      paper.lineWidth = width
      paper.beginPath()
      paper.moveTo(...points[0])
      for (const point of points) paper.lineTo(...point)
      paper.stroke()
    }
    undo.disabled = clear.disabled = sheet.strokes.length === 0
  }
  const handOver = () =>
    setStateValue("sheet", sheet.strokes.length ? canvas.toDataURL("image/png") : "")
  const place = (event) => {
    const box = canvas.getBoundingClientRect()
    const scale = canvas.width / box.width
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale]
  }

  canvas.onpointerdown = (event) => {
    if (event.button !== 0) return
    canvas.setPointerCapture(event.pointerId)
    sheet.strokes.push({ width: data.width, points: [place(event)] })
    sheet.drawing = true
    redraw()
  }
  canvas.onpointermove = (event) => {
    if (!sheet.drawing) return
    sheet.strokes.at(-1).points.push(place(event))
    redraw()
  }
  canvas.onpointerup = canvas.onpointercancel = () => {
    if (!sheet.drawing) return
    sheet.drawing = false
    handOver()
  }
  undo.onclick = () => {
    sheet.strokes.pop()
    redraw()
    handOver()
  }
  clear.onclick = () => {
    sheet.strokes = []
    redraw()
    handOver()
  }
  if (!sheet.drawing) redraw()
}

// One sprite holds all pictures; each picture is a real button that shows its part of it. The browser decodes one
// image, and mouse, touch, keyboard and screen readers get what they know.

const drawn = new WeakMap()

function makeItem(data, position, size) {
  const { columns, captions, descriptions } = data
  const item = document.createElement("li")
  const button = document.createElement("button")
  button.type = "button"
  button.setAttribute("aria-label", descriptions[position])
  button.title = descriptions[position]
  const picture = document.createElement("span")
  picture.className = "picture"
  const x = (position % columns) * size
  const y = Math.floor(position / columns) * size
  picture.style.maskPosition = `-${x}px -${y}px`
  button.append(picture)
  if (captions[position]) {
    const text = document.createElement("span")
    text.className = "caption"
    text.textContent = captions[position]
    button.append(text)
  }
  item.append(button)
  return item
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const { columns, rows, captions, chosen } = data
  const size = Math.min(data.size, Math.floor(0.18 * window.innerWidth)) // four in a row on a phone
  const list = parentElement.querySelector(".gallery")
  list.style.setProperty("--size", `${size}px`)
  list.style.setProperty("--sheet", `${columns * size}px ${rows * size}px`)
  list.setAttribute("aria-label", data.label)

  // Only other pictures are drawn anew: a rerun of the page must not take the focus from where the visitor is.
  const content = JSON.stringify({ ...data, size, chosen: null })
  let at = [...list.querySelectorAll("button")].indexOf(list.getRootNode().activeElement)
  if (drawn.get(list) !== content) {
    // One rule for all: named by each picture, the sheet's long address would be read a hundred times.
    parentElement.querySelector(".sheet").textContent = `.picture { mask-image: url("${data.sprite}") }`
    list.replaceChildren(...captions.map((_, position) => makeItem(data, position, size)))
    drawn.set(list, content)
    if (at >= 0) list.querySelectorAll("button")[Math.min(at, captions.length - 1)].focus()
  }
  const buttons = [...list.querySelectorAll("button")]
  // A picture that was open and is closed gets the focus back, unless the visitor has taken it elsewhere.
  const before = buttons.findIndex((button) => button.hasAttribute("aria-current"))
  if (before >= 0 && chosen < 0 && document.activeElement === document.body) {
    at = before
    buttons[at].focus({ preventScroll: true })
  }
  at = Math.min(Math.max(at, chosen, 0), buttons.length - 1)
  buttons.forEach((button, position) => {
    // One stop for the Tab key; the arrow keys move inside.
    button.tabIndex = position === at ? 0 : -1
    if (position === chosen) button.setAttribute("aria-current", "true")
    else button.removeAttribute("aria-current")
    button.onclick = () => setTriggerValue("clicked", position)
  })

  list.onkeydown = (event) => {
    const from = buttons.indexOf(event.target)
    if (from < 0) return
    const perRow = buttons.filter((button) => button.offsetTop === buttons[0].offsetTop).length
    const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: perRow, ArrowUp: -perRow }
    const goal =
      event.key === "Home" ? 0 : event.key === "End" ? buttons.length - 1 : from + (moves[event.key] ?? 0)
    if (goal === from || !buttons[goal]) return
    event.preventDefault()
    buttons[from].tabIndex = -1
    buttons[goal].tabIndex = 0
    buttons[goal].focus()
  }
}

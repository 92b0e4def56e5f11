// One sprite holds all pictures; each picture is a real button that shows its part of it. The browser decodes one
// image, and mouse, touch, keyboard and screen readers get what they know.

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const list = parentElement.querySelector(".gallery")
  const { sprite, columns, rows, captions, descriptions, size, chosen } = data
  list.style.setProperty("--size", `${size}px`)
  list.style.setProperty("--sheet", `${columns * size}px ${rows * size}px`)
  list.setAttribute("aria-label", data.label)

  list.replaceChildren(
    ...captions.map((caption, position) => {
      const item = document.createElement("li")
      const button = document.createElement("button")
      button.type = "button"
      button.setAttribute("aria-label", descriptions[position])
      button.title = descriptions[position]
      // One stop for the Tab key; the arrow keys move inside.
      button.tabIndex = position === Math.max(chosen, 0) ? 0 : -1
      if (position === chosen) button.setAttribute("aria-current", "true")
      const picture = document.createElement("span")
      picture.className = "picture"
      picture.style.maskImage = `url(${sprite})`
      const x = (position % columns) * size
      const y = Math.floor(position / columns) * size
      picture.style.maskPosition = `-${x}px -${y}px`
      button.append(picture)
      if (caption) {
        const text = document.createElement("span")
        text.className = "caption"
        text.textContent = caption
        button.append(text)
      }
      button.onclick = () => setTriggerValue("clicked", position)
      item.append(button)
      return item
    }),
  )

  list.onkeydown = (event) => {
    const buttons = [...list.querySelectorAll("button")]
    const at = buttons.indexOf(event.target)
    if (at < 0) return
    const perRow = buttons.filter((button) => button.offsetTop === buttons[0].offsetTop).length
    const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: perRow, ArrowUp: -perRow }
    const goal =
      event.key === "Home" ? 0 : event.key === "End" ? buttons.length - 1 : at + (moves[event.key] ?? 0)
    if (goal === at || !buttons[goal]) return
    event.preventDefault()
    buttons[at].tabIndex = -1
    buttons[goal].tabIndex = 0
    buttons[goal].focus()
  }
}

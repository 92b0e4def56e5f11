// Copies the page's full address. The visitor's click allows it; where the browser has no clipboard for the page (plain
// http on a class's network), the old way is tried, and else the address is shown, chosen, ready to be copied by hand.

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const field = document.createElement("textarea")
    field.value = text
    field.style.position = "fixed"
    field.style.opacity = "0"
    document.body.append(field)
    field.select()
    const done = document.execCommand("copy")
    field.remove()
    return done
  }
}

export default function (component) {
  const { parentElement, setTriggerValue } = component
  const button = parentElement.querySelector("button")
  const said = parentElement.querySelector("output")
  const field = parentElement.querySelector("input")
  let timer
  button.onclick = async () => {
    const url = window.location.href
    const done = await copy(url)
    said.textContent = done ? "Link copied" : "Copy this link:"
    field.hidden = done
    field.value = url
    if (!done) field.select()
    clearTimeout(timer)
    if (done) timer = setTimeout(() => { said.textContent = "" }, 4000)
    setTriggerValue("shared", true)
  }
  return () => clearTimeout(timer)
}

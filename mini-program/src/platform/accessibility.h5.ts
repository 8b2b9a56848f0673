/**
 * What the framework's H5 elements lack for keyboards and screen readers. Its tags are custom
 * elements without behaviour of their own, so roles alone do not make them work.
 */

const pressable = ['button', 'checkbox', 'radio', 'switch']
const moved = ['aria-label', 'aria-invalid']
const fingerSize = {
  display: 'flex',
  alignItems: 'center',
  justifyContent: 'center',
  minWidth: '44px',
  minHeight: '44px',
}

export function improveAccessibility(): void {
  document.addEventListener('keydown', pressOnKey)
  const observer = new MutationObserver(mend)
  observer.observe(document.documentElement, {
    childList: true,
    subtree: true,
    attributes: true,
    attributeFilter: moved,
  })
}

function pressOnKey(event: KeyboardEvent): void {
  if (event.key !== 'Enter' && event.key !== ' ') return
  const element = event.target
  if (!(element instanceof HTMLElement)) return
  if (!pressable.includes(element.getAttribute('role') ?? '')) return
  event.preventDefault()
  element.click()
}

function mend(): void {
  document.querySelectorAll('uni-page-head:not([role])').forEach((head) => {
    head.setAttribute('role', 'banner')
  })
  document.querySelectorAll('.uni-page-head-btn:not([role])').forEach(mendBackButton)
  document.querySelectorAll('uni-input').forEach(mendInput)
  // The name of a picture is on the wrapper.
  document.querySelectorAll('uni-image img:not([alt])').forEach((picture) => {
    picture.setAttribute('alt', '')
  })
}

function mendBackButton(element: Element): void {
  element.setAttribute('role', 'button')
  element.setAttribute('tabindex', '0')
  element.setAttribute('aria-label', '返回')
  if (element instanceof HTMLElement) Object.assign(element.style, fingerSize)
}

/** A name on the wrapper is read by nobody: it belongs to the field inside. */
function mendInput(wrapper: Element): void {
  const field = wrapper.querySelector('input')
  if (field === null) return
  for (const name of moved) {
    const value = wrapper.getAttribute(name)
    if (value === null) continue
    field.setAttribute(name, value)
    wrapper.removeAttribute(name)
  }
}

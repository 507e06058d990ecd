// A report is as high as its content, so that the page scrolls and not the frame.
const frame = document.querySelector(".report-frame");

function fit() {
  const page = frame.contentDocument?.documentElement;
  if (page) frame.style.height = `${Math.ceil(page.getBoundingClientRect().height) + 2}px`;
}

function watch() {
  if (!frame.contentDocument?.body) return;
  fit();
  new ResizeObserver(fit).observe(frame.contentDocument.body);
}
frame.addEventListener("load", watch);
if (frame.contentDocument?.readyState === "complete") watch();

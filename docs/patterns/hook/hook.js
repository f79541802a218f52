// next says where the walk goes on. page has status, headers, body, link, records {count, first,
// last}, token (that was sent), index, received, config, memo.
function next(page) {
  const meta = page.body.meta;
  if (meta.next) return {token: param(meta.next, "from"), wait: meta.pause};   // a link whose parameter is the token
  if (page.headers["x-next-from"]) return {token: page.headers["x-next-from"]};
  if (page.records.count === 0 && page.index > 0) return {fail: "an empty page without a link"};
  return {end: "no link, no header"};
}

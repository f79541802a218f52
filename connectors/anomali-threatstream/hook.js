/// <reference path="../hook.d.ts" />
// @ts-check

// The next position is in the URL of meta.next under one of three names, else it is the last object's update_id.
/** @type {NextFunction} */
function next(page) {
  const url = page.body.meta?.next
  if (!url) return { end: 'meta.next is empty' }
  if (page.records.count === 0) return { end: 'no objects' } // the same position would be asked for ever
  for (const name of ['search_after', 'update_id__gt', 'from_update_id']) {
    const value = param(url, name)
    if (value) return { token: value }
  }
  const last = page.records.last.update_id
  return last ? { token: last } : { fail: 'meta.next has no position: ' + url }
}

/// <reference path="../hook.d.ts" />
// @ts-check

/** @type {RecordFunction} A tag alone says little: name the repository beside it. */
function taggedRepository(tag, ctx) {
  return { repository: ctx.partition.repository, tag: tag };
}

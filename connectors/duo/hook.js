/// <reference path="../hook.d.ts" />
// @ts-check

/** @type {SignFunction} Basic, with the HMAC-SHA1 of date, method, host, path and sorted parameters as the password. */
function sign(req, ctx) {
  const enc = (s) => encodeURIComponent(s).replace(/[!'()*]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());
  const params = Object.keys(req.query).sort().filter((k) => req.query[k] != null).map((k) => enc(k) + "=" + enc(req.query[k])).join("&");
  const date = new Date(ctx.now).toUTCString();
  const path = match(req.url, /^https?:\/\/[^\/]+(\/[^?]*)/);
  const text = [date, req.method, ctx.config.host.toLowerCase(), path, params].join("\n");
  req.url = req.url + "?" + params;
  req.query = {};
  req.headers["Date"] = date;
  req.headers["Authorization"] = "Basic " + base64(ctx.config.integration_key + ":" + hmac(bytes(ctx.config.secret_key), bytes(text)));
  return req;
}

function bytes(s) {
  return Array.from(unescape(encodeURIComponent(s)), (c) => c.charCodeAt(0));
}

function hmac(key, data) {
  const pad = (x) => Array.from({ length: 64 }, (_, i) => (key[i] || 0) ^ x);
  const inner = sha1(pad(0x36).concat(data)).match(/../g).map((h) => parseInt(h, 16));
  return sha1(pad(0x5c).concat(inner));
}

function sha1(data) {
  const size = data.length, rol = (x, n) => (x << n) | (x >>> (32 - n));
  const b = data.concat([0x80]);
  while (b.length % 64 !== 56) b.push(0);
  for (let i = 7; i >= 0; i--) b.push(Math.floor((size * 8) / 2 ** (8 * i)) & 255);
  let h = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  for (let o = 0; o < b.length; o += 64) {
    const w = [];
    let [p, q, r, s, t] = h;
    for (let i = 0; i < 80; i++) {
      w[i] = i < 16 ? (b[o + 4 * i] << 24) | (b[o + 4 * i + 1] << 16) | (b[o + 4 * i + 2] << 8) | b[o + 4 * i + 3] : rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
      const [f, k] = i < 20 ? [(q & r) | (~q & s), 0x5a827999] : i < 40 ? [q ^ r ^ s, 0x6ed9eba1] : i < 60 ? [(q & r) | (q & s) | (r & s), 0x8f1bbcdc] : [q ^ r ^ s, 0xca62c1d6];
      [p, q, r, s, t] = [(rol(p, 5) + f + t + k + w[i]) | 0, p, rol(q, 30), r, s];
    }
    h = [p, q, r, s, t].map((x, i) => (h[i] + x) | 0);
  }
  return h.map((x) => (x >>> 0).toString(16).padStart(8, "0")).join("");
}

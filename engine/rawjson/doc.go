// Package rawjson reads JSON where it stands: it finds, compares, compacts and checks values in
// bytes without decoding them, so that numbers keep their digits, strings their escapes and objects
// the order of their keys.
//
// Scanner and Valid accept any bytes and say what is wrong with them. Everything else expects bytes
// that are valid already; on others it never panics or loops, but what it answers is unspecified.
// Where an object has a key twice, the last one counts, as in encoding/json.
//
// The package imports nothing but the standard library and knows nothing of pages or records.
package rawjson

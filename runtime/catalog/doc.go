// Package catalog holds the connectors of a process that is not restarted: those in folders and
// single files, which it watches, and the set that ships with the product.
//
// A file that changes is read, compiled and tried on its recorded cases whole before it takes the
// place of the version before, in one step. When anything is wrong with it, the last good version
// stays and the problem is told, with its place in the file. A run keeps the version it began with.
//
// The package reads connectors; it runs none.
package catalog

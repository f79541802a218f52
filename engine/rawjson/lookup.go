package rawjson

import "iter"

// Field returns the value of a member of an object; the last one where the name stands twice. It is
// false when there is none or when obj is no object.
func Field(obj []byte, name string) (v []byte, ok bool) {
	for key, value := range Members(obj) {
		if keyIs(key, name) {
			v, ok = value, true
		}
	}
	return v, ok
}

// Index returns element i of an array; a negative i counts from the end. It is false beyond the
// ends or when arr is no array.
func Index(arr []byte, i int) (v []byte, ok bool) {
	if i < 0 {
		if i == -1 {
			for e := range Elements(arr) {
				v, ok = e, true
			}
			return v, ok
		}
		if Kind(arr) != '[' {
			return nil, false
		}
		if i += Len(arr); i < 0 {
			return nil, false
		}
	}
	n := 0
	for e := range Elements(arr) {
		if n == i {
			return e, true
		}
		n++
	}
	return nil, false
}

// Elements yields the elements of an array in order, nothing for any other value.
func Elements(arr []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		i := space(arr, 0)
		if i >= len(arr) || arr[i] != '[' {
			return
		}
		i = space(arr, i+1)
		for i < len(arr) && arr[i] != ']' {
			end := Skip(arr, i)
			if end == i || !yield(arr[i:end:end]) {
				return
			}
			if i = space(arr, end); i >= len(arr) || arr[i] != ',' {
				return
			}
			i = space(arr, i+1)
		}
	}
}

// Members yields the members of an object in order: the key as it stands, quotes included, and its
// value. It yields nothing for any other value. A key that stands twice is yielded twice.
func Members(obj []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		i := space(obj, 0)
		if i >= len(obj) || obj[i] != '{' {
			return
		}
		i = space(obj, i+1)
		for i < len(obj) && obj[i] == '"' {
			end := skipString(obj, i)
			key := obj[i:end:end]
			if i = space(obj, end); i >= len(obj) || obj[i] != ':' {
				return
			}
			i = space(obj, i+1)
			if end = Skip(obj, i); end == i || !yield(key, obj[i:end:end]) {
				return
			}
			if i = space(obj, end); i >= len(obj) || obj[i] != ',' {
				return
			}
			i = space(obj, i+1)
		}
	}
}

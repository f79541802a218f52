package demo

// endpoints lists the whole API, in the order of the front page.
func endpoints() []endpoint {
	var out []endpoint
	for _, part := range [][]endpoint{
		frontEndpoints, positionEndpoints, cursorEndpoints, linkEndpoints, keysetEndpoints, elasticEndpoints,
		graphqlEndpoints, deltaEndpoints, pollEndpoints, taxiiEndpoints, anomaliEndpoints, falconEndpoints,
		parentEndpoints, windowEndpoints, exportEndpoints, formatEndpoints, wikiEndpoints, authEndpoints, worldEndpoints,
	} {
		out = append(out, part...)
	}
	return out
}

package demo

import (
	"net/http"
	"strconv"
)

var wikiEndpoints = []endpoint{
	{Method: "GET", Path: "/mediawiki/api.php", Group: groupToken, Example: "/mediawiki/api.php?action=query&list=allpages&aplimit=50&format=json",
		Doc: "MediaWiki style: the object continue holds the parameters of the next request, apcontinue and continue; records in query.allpages, or with generator=allpages in query.pages, an object keyed by id; batchcomplete at the end", serve: (*call).mediawiki},
}

func (c *call) mediawiki() {
	token := "apcontinue"
	generated := c.param("generator") == "allpages"
	if generated {
		token = "gapcontinue"
	}
	c.params.Del("token")
	delete(c.body, token)
	if v := c.param(token); v != "" && c.param("continue") == "" {
		c.problem(http.StatusBadRequest, "continue is missing beside "+token)
		return
	}
	p, ok := c.paged(token, token[:len(token)-8]+"limit", "id")
	if !ok {
		return
	}
	var records object
	if generated {
		pages := make(object, len(p.recs))
		for i, r := range p.recs {
			pages[i] = field{strconv.FormatInt(r.id, 10), r.raw}
		}
		records = object{{"pages", pages}}
	} else {
		records = object{{"allpages", p.recs}}
	}
	var batch, next any = absent{}, absent{}
	switch v := c.next(p, "").(type) {
	case absent:
		batch = p.last()
	case nil:
		next = nil
	default:
		next = object{{token, v}, {"continue", "-||"}}
	}
	c.reply(http.StatusOK, object{{"batchcomplete", batch}, {"continue", next}, {"query", records}})
}

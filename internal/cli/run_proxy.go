package cli

import (
	"errors"
	"slices"
	"strings"

	"lyncpin/internal/lab"
	"lyncpin/internal/peer"
	"lyncpin/scenarios"
)

// allProducts is the word for every product that can be started.
const allProducts = "all"

// throughProxies are the scenarios of the arguments with each product in the place of the lab's own proxy. Without arguments:
// all healthy deployments, and the mistakes that people make with the product.
func (a *app) throughProxies(products []string, args []string) ([]scenarios.Scenario, error) {
	if slices.Equal(products, []string{allProducts}) {
		if products = a.installed(); len(products) == 0 {
			return nil, hint(errors.New("none of the products that can be started is installed"), "leave --proxy out: the lab then runs a reverse proxy of its own")
		}
	}
	for _, product := range products {
		if strings.HasPrefix(product, atPrefix) {
			return nil, usage("--proxy %s stands alone: one run is about one proxy at an address, or about products", product)
		}
		if err := startable(product, append(peer.Products(), allProducts)); err != nil {
			return nil, err
		}
	}
	var all []scenarios.Scenario
	for _, product := range products {
		list, err := a.throughProduct(product, args)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// installed are the products that are there; of the others it is said that they are not.
func (a *app) installed() []string {
	return slices.DeleteFunc(peer.Products(), func(product string) bool {
		_, err := peer.Find(product)
		if err != nil {
			a.env.say("skipped: %v", err)
		}
		return err != nil
	})
}

// startable tells whether the product of --proxy, one of the words, can be started.
func startable(product string, words []string) error {
	if !slices.Contains(peer.Products(), product) {
		return unknownWord("--proxy", "product", product, words)
	}
	if _, err := peer.Find(product); err != nil {
		return hint(err, "install it, or leave --proxy out: the lab then runs a reverse proxy of its own")
	}
	return nil
}

func (a *app) throughProduct(product string, args []string) ([]scenarios.Scenario, error) {
	candidate := &lab.Candidate{Product: product}
	if len(args) == 0 {
		baselines, err := scenarios.Match([]string{scenarios.KindBaseline})
		if err != nil {
			return nil, err
		}
		return slices.Concat(scenarios.Through(product, candidate, baselines), scenarios.Mistakes(product)), nil
	}
	list, err := a.scenarios(args)
	if err != nil {
		return nil, err
	}
	var out []scenarios.Scenario
	for _, s := range list {
		switch {
		case s.Kind != scenarios.KindMistake:
			out = append(out, scenarios.Through(product, candidate, []scenarios.Scenario{s})...)
		case strings.HasPrefix(s.ID, product+"/"): // it starts its product by itself
			out = append(out, s)
		}
	}
	return out, nil
}

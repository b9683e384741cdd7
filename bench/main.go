// Command bench measures the proxy beside others, on this machine, in one run.
package main

func main() {}

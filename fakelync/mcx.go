package fakelync

type session struct{}

package dev.atelier.api.access;

import java.util.List;

/** Tokens, newest first; at most 1000. */
public record TokenPage(List<ApiToken> items) {}

/** Studies over REST: a grid of experiments, its members and its report. */
package dev.atelier.api.study;

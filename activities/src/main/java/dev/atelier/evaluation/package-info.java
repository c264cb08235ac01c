/**
 * The figures of a set of images: feature extractors, Fréchet and kernel distance, precision and
 * recall.
 */
package dev.atelier.evaluation;

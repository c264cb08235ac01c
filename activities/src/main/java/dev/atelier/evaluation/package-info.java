/**
 * The figures of a set of images, and of trained models by their samples: feature extractors,
 * references, shards of samples, Fréchet and kernel distance, precision and recall.
 */
package dev.atelier.evaluation;

/** Pages, plots and grids of samples that show what an experiment or a study found. */
package dev.atelier.report;

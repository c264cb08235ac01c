package dev.atelier.worker;

import dev.atelier.merging.Merger;
import dev.atelier.merging.ScheduleFinder;
import dev.atelier.workflows.MergingActivities;

/** Merges students, and searches for schedules. */
record MergingActivitiesImpl(Scopes scopes, Merger merger, ScheduleFinder finder)
    implements MergingActivities {

  @Override
  public Merged merge(Merge task) {
    return scopes.call("merge-", scope -> merger.merge(task, scope));
  }

  @Override
  public void searchSchedule(SearchSchedule task) {
    scopes.run("search-", scope -> finder.search(task, scope));
  }
}

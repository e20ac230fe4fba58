// Explore: ask for a metric and see what the answer is made of.
import { PageHeading } from '../components';

export function Explore() {
  return <PageHeading title="Explore" />;
}

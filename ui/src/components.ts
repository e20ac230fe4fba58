// The shared parts, for pages to import from one place.
export { Button, Chip, Empty, Field, Link, Loading, PageHeading } from './components/basic';
export { Dialog } from './components/dialog';
export { Menu, type MenuItem } from './components/menu';
export { type Option, Picker } from './components/picker';
export { Popover } from './components/popover';
export { ProblemView, withCode } from './components/problem';
export { type Column, Table } from './components/table';
export { Tabs } from './components/tabs';
export { Tooltip } from './components/tooltip';
export { Confirm } from './components/confirm';
export { Ago, CopyButton, CopyText, Facts, Progress } from './components/facts';
export { Gate } from './components/gate';

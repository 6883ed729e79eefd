// The parts of ECharts that our pages use; the whole library would be twice as large.
import * as echarts from "echarts/core";
import { BarChart, LineChart } from "echarts/charts";
import {
  AriaComponent, GridComponent, LegendComponent, MarkLineComponent, ToolboxComponent, TooltipComponent,
} from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";

echarts.use([
  BarChart, LineChart, AriaComponent, GridComponent, LegendComponent, MarkLineComponent, ToolboxComponent,
  TooltipComponent, CanvasRenderer,
]);
window.echarts = echarts;
